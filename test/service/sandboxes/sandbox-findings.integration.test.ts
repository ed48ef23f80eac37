import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConnectionOptions, StreamBinding } from '../../../service/connections/schema.ts'
import { newId } from '../../../service/platform/database/ids.ts'
import { runToEnd } from '../../support/test-service.ts'
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

/** A connection that has run once. */
async function ran(
  name: string,
  {
    policy,
    streams,
  }: {
    readonly policy: NonNullable<ConnectionOptions['schemaDrift']>
    readonly streams?: readonly StreamBinding[]
  },
): Promise<void> {
  const { connections, runs } = shop.test.service
  await shop.source.query(`CREATE TABLE ${name} (id int PRIMARY KEY, name text)`)
  await shop.source.query(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b'), (3, 'c')`)
  const dedup: StreamBinding = {
    name,
    syncMode: 'full_refresh',
    destinationSyncMode: 'append_dedup',
  }
  await connections.create({
    name,
    from: 'db',
    destination: `data:${name}`,
    activate: true,
    streams: streams ?? [dedup],
    options: { schemaDrift: policy },
  })
  expect(await runToEnd(runs, await runs.start(name))).toMatchObject({ status: 'complete' })
}

describe('a sandbox shows how the source differs from what is approved', () => {
  test('with the key that goes, under a policy that blocks', async () => {
    await ran('blocked', { policy: 'block_until_approved' })
    await shop.source.query(
      `ALTER TABLE blocked DROP CONSTRAINT blocked_pkey, ADD COLUMN alt serial, ADD PRIMARY KEY (alt)`,
    )
    const { report } = await shop.test.service.sandboxes.run('blocked', { limitRows, principal })
    expect(report.schema_drift).toMatchObject({
      policy: 'block_until_approved',
      total: 1,
      ignored_run: null,
      changes: [
        {
          name: 'blocked',
          change: 'changed',
          primary_key: { from: [['id']], to: [['alt']] },
          added_columns: [{ name: 'alt' }],
        },
      ],
    })
    expect(report.streams[0]?.primary_key).toEqual([['alt']])
  })

  longTest('with a stream that is gone', async () => {
    const { connections, instances, sandboxes, runs } = shop.test.service
    await shop.source.query(
      'CREATE SCHEMA gone; CREATE TABLE gone.a (id int); CREATE TABLE gone.b (id int)',
    )
    const config = { ...shop.source.address, schemas: ['gone'] }
    await instances.create({ name: 'gone', type: 'postgres', config })
    const about = { from: 'gone', destination: 'data:gone', activate: true }
    await connections.create({ name: 'gone_all', ...about })
    expect(await runToEnd(runs, await runs.start('gone_all'))).toMatchObject({ status: 'complete' })
    await shop.source.query('DROP TABLE gone.b')
    const { report } = await sandboxes.run('gone_all', { limitRows, principal })
    expect(report.streams.map(({ name }) => name)).toEqual(['a'])
    expect(report.schema_drift?.changes).toMatchObject([{ name: 'b', change: 'removed' }])
  })

  longTest('under ignore beside what the next run does, which does not follow it', async () => {
    await ran('ignored', { policy: 'ignore' })
    await shop.source.query(
      `ALTER TABLE ignored ADD COLUMN more int DEFAULT 7; INSERT INTO ignored VALUES (4, 'd')`,
    )
    const { sandboxes, runs } = shop.test.service
    const { report } = await sandboxes.run('ignored', { limitRows, principal })
    const promoted = report.streams[0]?.diff_vs_current
    expect(promoted?.added_columns).toMatchObject([{ name: 'more' }])
    const next = report.schema_drift?.ignored_run
    expect(next).toMatchObject({
      unread: [],
      error: null,
      streams: [
        { diff_vs_current: { added_columns: [], rows: { insert: 1, update: 0, unchanged: 3 } } },
      ],
    })
    // Its own schema is gone.
    expect(await shop.schemas()).not.toContain(next?.streams[0]?.table?.schema)
    expect((await shop.schemas()).filter((name) => name === report.schema)).toHaveLength(1)
    const run = await runToEnd(runs, await runs.start('ignored'))
    expect(run).toMatchObject({ status: 'complete' })
    const rows = await shop.test.data.query('SELECT * FROM ignored.ignored')
    expect(rows).toHaveLength(4)
    expect(Object.keys(rows[0] ?? {})).not.toContain('more')
  })

  longTest('under ignore with the reason why a run would fail', async () => {
    await ran('loosened', { policy: 'ignore' })
    await shop.source.query(`ALTER TABLE loosened DROP CONSTRAINT loosened_pkey`)
    await shop.source.query(`ALTER TABLE loosened ADD COLUMN alt serial PRIMARY KEY`)
    const { report } = await shop.test.service.sandboxes.run('loosened', { limitRows, principal })
    expect(report.schema_drift?.ignored_run).toMatchObject({
      streams: [],
      error: { code: 'stream_mode_unsupported' },
    })
  })

  test('and nothing, where it is as approved', async () => {
    await ran('same', { policy: 'propagate' })
    const { report } = await shop.test.service.sandboxes.run('same', { limitRows, principal })
    expect(report.schema_drift).toBeNull()
  })
})

describe('the rows of a report', () => {
  test('are found again as long as its schema stays', async () => {
    await shop.connect('again')
    const { sandboxes } = shop.test.service
    const { id, report } = await sandboxes.run('again', { limitRows, principal })
    const [stream] = report.streams
    expect(stream?.sample_rows).toHaveLength(3)
    const { name, namespace, sample_rows, row_examples } = stream ?? {}
    expect(await sandboxes.rows('again', id)).toEqual([
      { name, namespace, sample_rows, row_examples },
    ])
    await shop.test.metadata.query(
      `UPDATE reactor_connect_service.sandboxes SET expires_at = now() WHERE id = $1`,
      [id],
    )
    await expect(sandboxes.rows('again', id)).rejects.toMatchObject({ code: 'sandbox_rows_gone' })
    await expect(sandboxes.rows('again', newId('sbx'))).rejects.toMatchObject({
      code: 'sandbox_not_found',
    })
  })

  test('that are broken at the constraints of the table give no token, and are shown all the same', async () => {
    await ran('unique_v', { policy: 'propagate' })
    await shop.test.data.query('CREATE UNIQUE INDEX unique_name ON unique_v.unique_v (name)')
    await shop.source.query(`UPDATE unique_v SET name = 'same'`)
    const { sandboxes } = shop.test.service
    const found = await sandboxes.run('unique_v', { limitRows, principal })
    expect(found).toMatchObject({ promoteToken: null, tokenWithheld: 'failed_streams' })
    expect(found.report.streams[0]).toMatchObject({
      error: {
        code: 'destination_constraint_violated',
        message: expect.stringContaining('"unique_name"') as unknown,
      },
      diff_vs_current: { rows: { update: 3 } },
    })
  })
})

longTest('a sandbox of a process that died does not hold up the next one', async () => {
  await shop.connect('killed')
  const { store, service } = shop.test
  const dead = newId('sbx')
  const about = { connection: 'killed', destination: 'data:killed', principal, limitRows }
  await store.sandboxes.create({ id: dead, ...about, lifetimeMs: 60_000 })
  expect(await service.sandboxes.run('killed', { limitRows, principal })).toMatchObject({
    status: 'ready',
  })
  expect(await service.sandboxes.get('killed', dead)).toMatchObject({
    status: 'failed',
    error: { code: 'sandbox_stopped' },
  })
})

longTest('what one principal tries out takes back no token of another', async () => {
  await shop.connect('crowd')
  const { store } = shop.test
  const token = await shop.readyToken('crowd')
  for (let count = 0; count < 12; count++) {
    const id = newId('sbx')
    const about = { connection: 'crowd', destination: 'data:crowd', principal: 'key_9', limitRows }
    await store.sandboxes.create({ id, ...about, lifetimeMs: 60_000 })
    await shop.test.metadata.query(
      `UPDATE reactor_connect_service.sandboxes SET status = 'ready' WHERE id = $1`,
      [id],
    )
  }
  expect(await shop.promote('crowd', token)).toMatchObject({ state: 'promoted' })
})
