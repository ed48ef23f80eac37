import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ErrorCodeName } from '../../../protocol/index.ts'
import { testDatabase } from '../../support/postgres.ts'
import { runToEnd, testService } from '../../support/test-service.ts'
import { limitRows, openShop, principal, type Shop } from './sandbox-shop.ts'
import { longTest } from '../../support/long.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
  shop.test.work()
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

function refusal(code: ErrorCodeName): Error {
  return expect.objectContaining({ code }) as Error
}

test('what a sandbox showed is what its promotion does', async () => {
  const name = 'flow'
  await shop.connect(name)
  await shop.source.query(`INSERT INTO ${name} VALUES (4, 'planted-customer')`)
  const { sandboxes, connections, runs } = shop.test.service
  const sandbox = await sandboxes.run(name, { limitRows, principal })
  expect(sandbox).toMatchObject({
    status: 'ready',
    principal,
    tokenWithheld: null,
    promotedRun: null,
  })
  const [stream] = sandbox.report.streams
  expect(stream).toMatchObject({ name, read: 4, complete: true })
  expect(JSON.stringify(stream?.sample_rows)).toContain('planted-customer')
  expect(stream?.diff_vs_current).toMatchObject({
    table_exists: false,
    rows: { insert: 4, update: 0, delete: 0 },
  })
  expect(await shop.schemas()).toContain(sandbox.report.schema)
  expect(await connections.get(name)).toMatchObject({ status: 'inactive', nextRunAt: null })
  expect(await shop.test.data.query(`SELECT to_regclass('flow.flow') AS made`)).toEqual([
    { made: null },
  ])
  await expectNothingKeptOf(['planted-customer', sandbox.promoteToken ?? ''])

  const promotion = await shop.promote(name, sandbox.promoteToken ?? '')
  expect(promotion).toMatchObject({
    state: 'promoted',
    connection: { status: 'active', nextRunAt: expect.stringMatching(/T06:00:00/) as unknown },
    run: { trigger: 'promote' },
  })
  expect(await shop.schemas()).not.toContain(sandbox.report.schema)
  if (promotion.state !== 'promoted') throw new Error('it was not promoted')
  const approved = await shop.test.store.drift.approved(promotion.connection.id)
  expect(approved?.streams.map((each) => each.name)).toEqual([name])
  expect(await sandboxes.get(name, sandbox.id)).toMatchObject({
    status: 'promoted',
    promotedRun: promotion.run.id,
    report: { streams: [{ sample_rows: [] }] },
  })
  expect(await runToEnd(runs, promotion.run)).toMatchObject({ status: 'complete', loaded: 4 })
  await shop.source.query(`INSERT INTO ${name} VALUES (5, 'e')`)
  const next = await sandboxes.run(name, { limitRows, principal })
  expect(next.report.streams[0]?.diff_vs_current?.rows).toMatchObject({ insert: 1, update: 0 })
})

/** Neither in a table of the service nor in its log; nor is the password of the source. */
async function expectNothingKeptOf(texts: readonly string[]): Promise<void> {
  const tables = await shop.test.metadata.query(
    `SELECT query_to_xml(format('SELECT * FROM %I.%I', table_schema, table_name), true, true, '')::text AS rows
     FROM information_schema.tables WHERE table_type = 'BASE TABLE'
       AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )
  const kept = JSON.stringify([tables, shop.test.logged])
  expect(kept).toContain('reactor_sandbox_')
  for (const text of [...texts, shop.source.address.password]) expect(kept).not.toContain(text)
}

describe('a token is refused', () => {
  test('that was used: of ten promotions at the same time one wins, the others name its run', async () => {
    await shop.connect('ten')
    const token = await shop.readyToken('ten')
    const ends = await Promise.allSettled(
      Array.from({ length: 10 }, () => shop.promote('ten', token)),
    )
    const { items } = await shop.test.service.runs.list('ten', {})
    expect(items).toHaveLength(1)
    const won = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
    expect(won).toMatchObject([{ state: 'promoted', run: { id: items[0]?.id } }])
    const lost = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
    expect(lost).toHaveLength(9)
    for (const reason of lost)
      expect(reason).toMatchObject({ code: 'promote_token_used', details: { run: items[0]?.id } })
  })

  test('that has expired', async () => {
    await shop.connect('late')
    const token = await shop.readyToken('late', { lifetimeMs: 1 })
    await expect(shop.promote('late', token)).rejects.toThrow(refusal('promote_token_expired'))
    expect(await shop.test.service.sandboxes.list('late', {})).toMatchObject({
      items: [{ status: 'expired' }],
    })
  })

  test('that was changed, is of another connection or principal, or was taken back', async () => {
    await shop.connect('mine')
    await shop.connect('other')
    const { sandboxes, connections } = shop.test.service
    const token = await shop.readyToken('mine')
    const changed = `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.slice(-1)}`
    for (const [wrong, by] of [
      [changed, principal],
      ['rpt', principal],
      [await shop.readyToken('other'), principal],
      [token, 'key_2'],
    ] as const)
      await expect(shop.promote('mine', wrong, by)).rejects.toThrow(
        refusal('promote_token_invalid'),
      )
    // A person who can write the metadata database but does not have the key cannot change the binding of a
    // token.
    await shop.test.metadata.query(
      `UPDATE reactor_connect_service.sandboxes
       SET binding = jsonb_set(binding::jsonb, '{principal}', '"key_2"')
       WHERE id = $1`,
      [`sbx_${token.split('.')[1] ?? ''}`],
    )
    await expect(shop.promote('mine', token, 'key_2')).rejects.toThrow(
      refusal('promote_token_invalid'),
    )
    const taken = await shop.readyToken('mine')
    const [newest] = (await sandboxes.list('mine', {})).items
    await sandboxes.delete('mine', newest?.id ?? '')
    await expect(shop.promote('mine', taken)).rejects.toThrow(refusal('promote_token_invalid'))
    expect(await connections.get('mine')).toMatchObject({ status: 'inactive', lastRun: null })
  })

  test('while a run is active; afterwards it is still good', async () => {
    await shop.connect('busy')
    const { connections, runs } = shop.test.service
    await connections.activate('busy')
    // Jobs does not hear of it, so nobody works on it.
    const { id } = await shop.test.store.runs.create({ connection: 'busy', trigger: 'manual' })
    const token = await shop.readyToken('busy')
    const details = { connection: 'busy', run: id }
    await expect(shop.promote('busy', token)).rejects.toMatchObject({ code: 'run_active', details })
    await runs.cancel('busy', id)
    expect(await shop.promote('busy', token)).toMatchObject({ state: 'promoted' })
  })
})

describe('a promotion is outdated', () => {
  test('by whatever moved, and gives what a run would change now, with a token', async () => {
    const name = 'moving'
    await shop.connect(name)
    const { connections, runs } = shop.test.service
    await connections.activate(name)
    expect(await runToEnd(runs, await runs.start(name))).toMatchObject({ loaded: 3 })

    const first = await shop.readyToken(name)
    await shop.source.query(`ALTER TABLE ${name} ADD COLUMN age int`)
    const source = await shop.outdated(name, first)
    expect(source.moved).toEqual(['source_schema'])
    expect(source.sandbox?.limitRows).toBe(limitRows)
    expect(source.sandbox?.report.streams[0]?.diff_vs_current?.added_columns).toMatchObject([
      { name: 'age' },
    ])
    await expect(shop.promote(name, first)).rejects.toMatchObject({
      code: 'promote_token_replaced',
      details: { sandbox: source.sandbox?.id },
    })

    await shop.test.data.query(`ALTER TABLE ${name}.${name} ADD COLUMN note text`)
    const destination = await shop.outdated(name, source.sandbox?.promoteToken ?? '')
    expect(destination.moved).toEqual(['destination'])

    await shop.source.query(`INSERT INTO ${name} VALUES (9, 'z')`)
    expect(await runToEnd(runs, await runs.start(name))).toMatchObject({ status: 'complete' })
    await connections.update(name, { options: { deletes: 'soft' } })
    const run = await shop.outdated(name, destination.sandbox?.promoteToken ?? '')
    expect(run.moved).toEqual(expect.arrayContaining(['connection', 'destination', 'run']))

    const last = run.sandbox?.promoteToken ?? ''
    expect(await shop.promote(name, last)).toMatchObject({ state: 'promoted' })
  })

  longTest(
    'where the instance reads another database since, even if that has the same tables',
    async () => {
      const name = 'elsewhere'
      await using other = await testDatabase()
      await other.query(`CREATE TABLE ${name} (id int PRIMARY KEY, name text)`)
      await shop.connect(name)
      const { instances, connections } = shop.test.service
      const db = await instances.create({
        name,
        type: 'postgres',
        config: { ...shop.source.address },
      })
      const streams = [{ name, syncMode: 'incremental', cursorField: 'id' }] as const
      const about = { from: db.name, destination: `data:${name}`, streams }
      await connections.delete(name)
      await connections.create({ name, ...about })
      const token = await shop.readyToken(name)
      await instances.setCredentials(name, { password: shop.source.address.password })
      await instances.update(name, { config: { ...other.address } })
      const { moved, sandbox } = await shop.outdated(name, token)
      expect(moved).toEqual(['instance'])
      expect(sandbox?.report.streams[0]?.read).toBe(0)
      await instances.setCredentials(name, { password: other.address.password })
      expect(await shop.promote(name, sandbox?.promoteToken ?? '')).toMatchObject({
        state: 'promoted',
      })
    },
  )

  longTest('by another version of the program, which gives that reason and no other', async () => {
    await shop.connect('upgraded')
    const { sandbox: replaced } = await shop.outdated(
      'upgraded',
      await shop.readyToken('upgraded', { format: null }),
    )
    expect(replaced?.promoteToken).toBeDefined()
    const { moved, sandbox } = await shop.outdated(
      'upgraded',
      await shop.readyToken('upgraded', { format: 999 }),
    )
    expect(moved).toEqual(['program'])
    expect(await shop.promote('upgraded', sandbox?.promoteToken ?? '')).toMatchObject({
      state: 'promoted',
    })
  })

  longTest('where a stream is gone there is no new sandbox, and the reason is said', async () => {
    await shop.connect('gone')
    const token = await shop.readyToken('gone')
    await shop.source.query('DROP TABLE gone')
    expect(await shop.outdated('gone', token)).toMatchObject({
      moved: ['source_schema'],
      sandbox: null,
      error: { code: 'stream_not_found' },
    })
  })
})

longTest(
  'a sandbox and its promotion never read another stream than the one that was approved under the name',
  async () => {
    await shop.connect('moved')
    const { service } = shop.test
    const token = await shop.readyToken('moved')
    await shop.source.query('CREATE SCHEMA sales')
    await shop.source.query('ALTER TABLE moved SET SCHEMA sales')
    const gone = {
      code: 'stream_not_found',
      details: {
        problem: 'the stream that was approved as "moved" is gone',
        fix: 'To read `sales.moved` instead, write that in place of `moved` in the streams of the connection: `reactor connect connections update moved --streams`.',
      },
    }
    const input = { limitRows, principal }
    await expect(service.sandboxes.run('moved', input)).rejects.toMatchObject(gone)
    expect(await shop.outdated('moved', token)).toMatchObject({
      moved: ['source_schema'],
      sandbox: null,
      error: gone,
    })
  },
)

longTest('a paused connection that is promoted runs once, and stays paused', async () => {
  await shop.connect('paused')
  const { connections } = shop.test.service
  await connections.activate('paused')
  await connections.setPaused('paused', true)
  expect(await shop.promote('paused', await shop.readyToken('paused'))).toMatchObject({
    state: 'promoted',
    run: { trigger: 'promote' },
    connection: { status: 'paused', nextRunAt: null },
  })
})

longTest('streams that failed or were left out give no token', async () => {
  const { sandboxes, connections } = shop.test.service
  for (const table of ['good', 'bad'])
    await shop.source.query(`CREATE TABLE ${table} (id int PRIMARY KEY)`)
  const streams = [{ name: 'good' }, { name: 'bad' }]
  await connections.create({ name: 'part', from: 'db', destination: 'data:part', streams })
  const about = { limitRows, principal }
  await expect(sandboxes.run('part', { ...about, streams: ['nothing'] })).rejects.toThrow(
    refusal('stream_not_found'),
  )
  expect(await sandboxes.list('part', {})).toMatchObject({
    items: [{ status: 'failed' }],
  })
  const some = await sandboxes.run('part', { ...about, streams: ['good'] })
  expect(some).toMatchObject({ promoteToken: null, tokenWithheld: 'some_streams' })
  expect(some.report.streams.map(({ name }) => name)).toEqual(['good'])
  // A view in the place of the table cannot be loaded.
  await shop.test.data.query('CREATE SCHEMA part; CREATE VIEW part.bad AS SELECT 1 AS id')
  const failed = await sandboxes.run('part', about)
  expect(failed).toMatchObject({ promoteToken: null, tokenWithheld: 'failed_streams' })
})

longTest(
  'a sandbox that runs is the only one of its connection and one of four, and ends when it is deleted or the service stops',
  async () => {
    const stop = new AbortController()
    await using slow = await testService({ stopping: stop.signal })
    const { instances, connections, sandboxes } = slow.service
    const items = { name: 'items', rows: 10_000, rows_per_second: 20, state_every: 10 }
    await instances.create({ name: 'slow', type: 'faker', config: { streams: [items] } })
    const names = ['a', 'b', 'c', 'd', 'e']
    for (const name of names)
      await connections.create({ name, from: 'slow', destination: `data:${name}` })
    const run = (name: string): Promise<unknown> =>
      sandboxes.run(name, { limitRows: 10_000, principal }).catch((error: unknown) => error)
    const ends = names.slice(0, 3).map(run)
    const schemas = `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'reactor_sandbox%'`
    await vi.waitFor(async () => {
      expect(await slow.data.query(schemas)).toHaveLength(3)
    }, 30_000)
    expect(await run('a')).toMatchObject({ code: 'sandbox_active' })
    ends.push(run('d'))
    expect(await run('e')).toMatchObject({ code: 'sandbox_limit_reached' })
    const [running] = (await sandboxes.list('a', {})).items
    expect(running).toMatchObject({ status: 'running' })
    await sandboxes.delete('a', running?.id ?? '')
    expect(await ends[0]).toMatchObject({ code: 'sandbox_stopped' })
    stop.abort()
    for (const end of ends) expect(await end).toMatchObject({ code: 'sandbox_stopped' })
    expect(await slow.data.query(schemas), slow.logged.join('\n')).toEqual([])
    expect(await sandboxes.list('a', {})).toMatchObject({ items: [] })
    expect(await sandboxes.list('b', {})).toMatchObject({ items: [{ status: 'failed' }] })
  },
)
