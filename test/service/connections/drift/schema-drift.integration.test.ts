import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ConnectionService } from '../../../../service/connections/contract.ts'
import type { StreamBinding } from '../../../../service/connections/schema.ts'
import type { RunLogLine } from '../../../../service/runs/schema.ts'
import { reactor } from '../../../cli/service-command-line.ts'
import { runToEnd, type TestService } from '../../../support/test-service.ts'
import { TestApi } from '../../../support/test-api.ts'
import { driftingShop, type DriftingShop, type ShopOptions } from './drifting-shop.ts'
import { longTest } from '../../../support/long.ts'

/** One service for all tests of this file: each has a connection, a source and a dataset of its own. */
let place: TestService
let api: TestApi
let connections: ConnectionService

beforeAll(async () => {
  api = await TestApi.start()
  place = api.test
  connections = place.service.connections
  place.work()
  place.schedule()
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

/** A command as messages write it: `reactor connect …`. Gives what it wrote. */
async function command(line: string): Promise<string> {
  const environment = { REACTOR_CONNECT_URL: api.url, REACTOR_CONNECT_API_KEY: api.key }
  const { code, out, err } = await reactor(line.split(' ').slice(1), { environment })
  expect(code, `${line}: ${err}`).toBe(0)
  return out
}

function openShop(options: ShopOptions): Promise<DriftingShop> {
  return driftingShop(place, options)
}

const added = {
  name: 'orders',
  namespace: 'public',
  change: 'changed',
  addedColumns: [{ name: 'phone', type: 'string' }],
  removedColumns: [],
  typeChanges: [],
}

function commandsIn(text: string): readonly string[] {
  return [...text.matchAll(/`(reactor [^`]+)`/g)].map(([, line = '']) => line)
}

async function linesOf({ name }: DriftingShop, run: string): Promise<RunLogLine[]> {
  return [...(await place.service.runs.logs(name, run, 0, 100))]
}

async function approvedColumns(name: string): Promise<string[]> {
  const { id } = await connections.get(name)
  const approved = await place.store.drift.approved(id)
  return Object.keys(approved?.streams[0]?.json_schema.properties ?? {})
}

describe('block_until_approved', () => {
  test('a scheduled run reads nothing of a changed source, says what changed, and goes on after approval without losing a row', async () => {
    await using shop = await openShop({ policy: 'block_until_approved' })
    const { source, name } = shop
    expect(await shop.scheduledRun()).toMatchObject({ status: 'complete', loaded: 3 })
    await source.query(`
      INSERT INTO orders VALUES (4, 40, 'before the change');
      ALTER TABLE orders ADD COLUMN phone text;
      INSERT INTO orders VALUES (5, 50, 'after it', '+49')`)

    const blocked = await shop.scheduledRun()
    expect(blocked).toMatchObject({
      status: 'failed',
      attempts: 1,
      read: 0,
      loaded: 0,
      streams: [],
      error: {
        code: 'schema_drift_blocked',
        details: {
          connection: name,
          instance: name,
          summary: 'public.orders: +phone',
          total: 1,
          changes: [{ name: 'orders', added_columns: [{ name: 'phone', type: 'string' }] }],
        },
      },
      schemaChanges: [added],
    })
    const { drift, lastRun } = await connections.get(name)
    expect(drift).toMatchObject({ status: 'blocked', total: 1, run: blocked.id, changes: [added] })
    const [sandbox, approve] = commandsIn(blocked.error?.suggested_fix ?? '')
    expect(sandbox).toBe(`reactor connect connections sandbox ${name}`)
    expect(lastRun?.id).toBe(blocked.id)
    expect(await shop.rows('id')).toHaveLength(3)
    const output = await command(`reactor connect connections drift ${name}`)
    expect(output).toMatch(/public\.orders +column added +phone +string/)
    expect(output).toContain(`approve: ${approve ?? ''}`)

    const shown = await command(`reactor connect connections runs get ${name} ${blocked.id}`)
    expect(shown).toMatch(/public\.orders +column added +phone +string/)
    expect(shown).toContain('[schema_drift_blocked]')

    // The schedule goes on, and the first sighting stands.
    const again = await shop.scheduledRun()
    expect(again).toMatchObject({ status: 'failed', error: { code: 'schema_drift_blocked' } })
    expect((await connections.get(name)).drift).toEqual(drift)

    await command(approve ?? '')
    expect((await connections.get(name)).drift).toBeNull()
    const after = await shop.scheduledRun()
    expect(after).toMatchObject({ status: 'complete', schemaChanges: [] })
    expect(await shop.rows('id::int, total::int, note, phone')).toEqual([
      ...[1, 2, 3].map((id) => ({ id, total: id * 10, note: `note ${String(id)}`, phone: null })),
      { id: 4, total: 40, note: 'before the change', phone: null },
      { id: 5, total: 50, note: 'after it', phone: '+49' },
    ])
  })

  longTest('what came after the fingerprint is not approved by it', async () => {
    await using shop = await openShop({ policy: 'block_until_approved' })
    const { source, name } = shop
    await source.query('ALTER TABLE orders ADD COLUMN phone text')
    await shop.run()
    const first = (await connections.get(name)).drift?.fingerprint ?? ''
    await source.query('ALTER TABLE orders DROP COLUMN note')

    // Seen by no run yet: the approval holds for what was seen, and the next run stops at the rest.
    await connections.approve(name, first)
    expect(await connections.approve(name, first)).toMatchObject({ drift: null })
    const second = await shop.run()
    expect(second).toMatchObject({
      status: 'failed',
      schemaChanges: [{ addedColumns: [], removedColumns: [{ name: 'note' }] }],
    })
    await expect(connections.approve(name, first)).rejects.toMatchObject({
      code: 'schema_drift_outdated',
    })
    await expect(connections.approve('nobody', first)).rejects.toMatchObject({
      code: 'connection_not_found',
    })
    const { drift } = await connections.get(name)
    await connections.approve(name, drift?.fingerprint ?? '')
    expect(await approvedColumns(name)).toEqual(['id', 'total', 'phone'])
  })

  test('a sandbox of a blocked connection shows what the change would do, and its promotion approves it', async () => {
    await using shop = await openShop({ policy: 'block_until_approved' })
    const { source, name } = shop
    await source.query("ALTER TABLE orders ADD COLUMN phone text DEFAULT '+49'")
    expect(await shop.run()).toMatchObject({ error: { code: 'schema_drift_blocked' } })
    const text = await command(`reactor connect connections sandbox ${name} --json`)
    const sandbox = z.object({ promote_token: z.string() }).parse(JSON.parse(text))
    expect(text).toContain('"phone"')
    await command(`reactor connect connections promote ${name} --token ${sandbox.promote_token}`)
    const { drift, lastRun } = await connections.get(name)
    expect(drift).toBeNull()
    const { runs } = place.service
    const promoted = await runToEnd(runs, await runs.get(name, lastRun?.id ?? ''))
    expect(promoted).toMatchObject({ trigger: 'promote', status: 'complete', schemaChanges: [] })
    expect(await shop.rows('id::int, phone')).toEqual([1, 2, 3].map((id) => ({ id, phone: '+49' })))
  })

  longTest(
    'a change that is undone at the source needs no approval, and streams that are not selected do not matter',
    async () => {
      await using shop = await openShop({ policy: 'block_until_approved' })
      const { source, name } = shop
      await source.query('ALTER TABLE orders ADD COLUMN phone text')
      expect(await shop.run()).toMatchObject({ status: 'failed' })
      await source.query(`
      ALTER TABLE orders DROP COLUMN phone;
      ALTER TABLE unrelated ADD COLUMN name text;
      CREATE TABLE another (id bigint PRIMARY KEY)`)
      expect(await shop.run()).toMatchObject({ status: 'complete', loaded: 3, schemaChanges: [] })
      expect(await connections.get(name)).toMatchObject({ drift: null })
    },
  )

  longTest(
    'a key, a cursor column that went, a table that went: each is said before anything else fails',
    async () => {
      await using shop = await openShop({ policy: 'block_until_approved' })
      const { source } = shop
      await source.query('ALTER TABLE orders DROP CONSTRAINT orders_pkey')
      expect(await shop.run()).toMatchObject({
        error: { code: 'schema_drift_blocked' },
        schemaChanges: [{ primaryKey: { from: [['id']], to: [] } }],
      })
      await source.query('ALTER TABLE orders DROP COLUMN id')
      expect(await shop.run()).toMatchObject({
        error: { code: 'schema_drift_blocked' },
        schemaChanges: [{ removedColumns: [{ name: 'id', type: 'integer' }] }],
      })
      await source.query('DROP TABLE orders')
      expect(await shop.run()).toMatchObject({
        error: { code: 'schema_drift_blocked' },
        schemaChanges: [{ name: 'orders', change: 'removed' }],
      })
    },
  )

  longTest('a table that went is never replaced by another that its name could mean', async () => {
    await using shop = await openShop({ policy: 'propagate' })
    const { source } = shop
    await source.query('CREATE SCHEMA other; CREATE TABLE other.orders (id int PRIMARY KEY)')
    await shop.run()
    await source.query('DROP TABLE orders')
    for (const which of ['first', 'second']) {
      const run = await shop.run()
      expect(run, which).toMatchObject({
        status: 'failed',
        error: { code: 'stream_not_found' },
        schemaChanges: [{ name: 'orders', change: 'removed' }],
      })
      expect(run.error?.suggested_fix).toContain('To read `other.orders` instead')
    }
  })

  test('a new stream is drift where the connection takes all', async () => {
    await using shop = await openShop({ policy: 'block_until_approved', streams: 'all' })
    const { name } = shop
    await shop.source.query('CREATE TABLE another (id bigint PRIMARY KEY)')
    expect(await shop.run()).toMatchObject({
      status: 'failed',
      schemaChanges: [{ name: 'another', change: 'added' }],
    })
    const { drift } = await connections.get(name)
    await connections.approve(name, drift?.fingerprint ?? '')
    const { id } = await connections.get(name)
    const approved = await place.store.drift.approved(id)
    expect(approved?.streams.map((stream) => stream.name)).toEqual([
      ...['another', 'orders', 'unrelated'],
    ])
  })

  longTest(
    'a stream that is chosen later is approved by the choice, and the change of a choice forgets the drift',
    async () => {
      await using shop = await openShop({ policy: 'block_until_approved' })
      const { name } = shop
      await shop.source.query('ALTER TABLE orders ADD COLUMN phone text')
      await shop.run()
      const before = await connections.get(name)
      expect(before.drift).not.toBeNull()
      const changed = await connections.update(name, { streams: [{ name: 'unrelated' }] })
      expect(changed.drift).toBeNull()
      const { id } = changed
      const approved = await place.store.drift.approved(id)
      expect(approved?.streams.map((stream) => stream.name)).toEqual(['unrelated'])
      // Between the choice and the next run: not approved by it.
      await shop.source.query('ALTER TABLE unrelated ADD COLUMN late text')
      expect(await shop.run()).toMatchObject({
        status: 'failed',
        schemaChanges: [{ addedColumns: [{ name: 'late' }] }],
      })
    },
  )
})

describe('propagate, the default', () => {
  test('the run follows the source and says so; what it saw is approved', async () => {
    await using shop = await openShop({})
    const { source, name } = shop
    expect(await approvedColumns(name)).toEqual(['id', 'total', 'note'])
    await source.query(`
      ALTER TABLE orders ADD COLUMN phone text;
      ALTER TABLE orders ALTER COLUMN total TYPE text;
      INSERT INTO orders VALUES (4, 'many', 'new', '+49')`)
    const run = await shop.run()
    const change = { ...added, typeChanges: [{ name: 'total', from: 'integer', to: 'string' }] }
    expect(run).toMatchObject({ status: 'complete', schemaChanges: [change] })
    expect(await linesOf(shop, run.id)).toContainEqual(
      expect.objectContaining({
        level: 'info',
        message: 'the schema of the source changed',
        fields: {
          policy: 'propagate',
          stream: 'public.orders',
          change: 'changed',
          added_columns: [{ name: 'phone', type: 'string' }],
          type_changes: [{ name: 'total', from: 'integer', to: 'string' }],
        },
      }),
    )
    expect(await approvedColumns(name)).toEqual(['id', 'total', 'note', 'phone'])
    expect(await shop.rows('id::int, total, phone')).toEqual([
      ...[1, 2, 3].map((id) => ({ id, total: String(id * 10), phone: null })),
      { id: 4, total: 'many', phone: '+49' },
    ])
    expect((await connections.get(name)).drift).toBeNull()
  })

  longTest(
    'rows are not merged by another key than before: the run says so, until the table is empty',
    async () => {
      await using shop = await openShop({})
      const { source, name } = shop
      expect(await shop.run()).toMatchObject({ status: 'complete', loaded: 3 })
      await source.query(`
      ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id, note);
      UPDATE orders SET note = 'changed' WHERE id = 3`)
      const { status, error } = await shop.run()
      expect({ status, code: error?.code }).toEqual({
        status: 'failed',
        code: 'destination_key_changed',
      })
      expect(error?.details).toMatchObject({ before: 'id', after: 'id, note' })
      expect(await shop.rows('note')).toHaveLength(3)
      await place.data.query(`TRUNCATE ${name}.orders`)
      expect(await shop.run()).toMatchObject({ status: 'complete' })
      expect((await shop.rows('note')).map(({ note }) => note)).toEqual([
        'note 1',
        'note 2',
        'changed',
      ])
    },
  )
})

describe('ignore', () => {
  test('the run keeps to the approved columns and types, and says what it left', async () => {
    await using shop = await openShop({ policy: 'ignore' })
    const { source, name } = shop
    await source.query(`
      ALTER TABLE orders ADD COLUMN phone text;
      ALTER TABLE orders ALTER COLUMN total TYPE text;
      ALTER TABLE orders DROP COLUMN note;
      INSERT INTO orders VALUES (4, '40', '+49'), (5, 'many', '+1')`)
    const run = await shop.run()
    expect(run).toMatchObject({
      status: 'complete',
      schemaChanges: [
        {
          ...added,
          removedColumns: [{ name: 'note', type: 'string' }],
          typeChanges: [{ name: 'total', from: 'integer', to: 'string' }],
        },
      ],
    })
    expect(await linesOf(shop, run.id)).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'the schema of the source is not the approved one',
      }),
    )
    expect(
      await shop.rows(
        "id::int, total::int, note, _airbyte_meta->'changes'->0->>'field' AS changed",
      ),
    ).toMatchObject([
      ...[1, 2, 3, 4].map((id) => ({ id, total: id * 10, note: null, changed: null })),
      { id: 5, total: null, note: null, changed: 'total' },
    ])
    const columns = await place.data.query(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
       WHERE table_schema = $1 AND column_name !~ '^_airbyte' ORDER BY column_name`,
      [name],
    )
    expect(columns).toEqual([
      { name: 'id', type: 'bigint' },
      { name: 'note', type: 'text' },
      { name: 'total', type: 'integer' },
    ])
    expect((await connections.get(name)).drift).toMatchObject({
      status: 'ignored',
      run: run.id,
    })
    expect(await approvedColumns(name)).toEqual(['id', 'total', 'note'])

    const { drift } = await connections.get(name)
    await connections.approve(name, drift?.fingerprint ?? '')
    await source.query("INSERT INTO orders VALUES (6, 'some', '+2')")
    expect(await shop.run()).toMatchObject({ status: 'complete', schemaChanges: [] })
    expect((await shop.rows('id::int, total, phone')).at(-1)).toEqual({
      id: 6,
      total: 'some',
      phone: '+2',
    })
  })

  longTest(
    'a row that is written again, merged or anew, has NULL in a column that is gone',
    async () => {
      const dedup: StreamBinding = {
        name: 'orders',
        cursorField: 'total',
        primaryKey: ['id'],
        syncMode: 'incremental',
        destinationSyncMode: 'append_dedup',
      }
      const whole: StreamBinding = { name: 'unrelated', syncMode: 'full_refresh' }
      await using shop = await openShop({ policy: 'ignore', streams: [dedup, whole] })
      await shop.source.query('INSERT INTO unrelated VALUES (1)')
      expect(await shop.run()).toMatchObject({ status: 'complete', loaded: 4 })
      await shop.source.query(`
      ALTER TABLE orders DROP COLUMN note;
      UPDATE orders SET total = 1000 WHERE id = 2;
      ALTER TABLE unrelated DROP COLUMN code, ADD COLUMN other text DEFAULT 'other'`)
      expect(await shop.run()).toMatchObject({ status: 'complete' })
      expect(await shop.rows('id::int, total::int, note')).toEqual([
        { id: 1, total: 10, note: 'note 1' },
        { id: 2, total: 1000, note: null },
        { id: 3, total: 30, note: null }, // at the last cursor value, and not what it was
      ])
      const { data } = place
      expect(
        await data.query(
          `SELECT id::int, code, to_jsonb(t) ? 'other' AS has_other FROM ${shop.name}.unrelated t`,
        ),
      ).toEqual([{ id: 1, code: null, has_other: false }])
    },
  )

  longTest(
    'a key or cursor whose new values do not fit is not merged as NULL: the run says so',
    async () => {
      const dedup: StreamBinding = {
        name: 'orders',
        cursorField: 'total',
        primaryKey: ['id'],
        syncMode: 'incremental',
        destinationSyncMode: 'append_dedup',
      }
      await using shop = await openShop({ policy: 'ignore', streams: [dedup] })
      expect(await shop.run()).toMatchObject({ status: 'complete', loaded: 3 })
      await shop.source.query(`
      ALTER TABLE orders ALTER COLUMN id TYPE text;
      INSERT INTO orders VALUES ('a', 100, 'x'), ('b', 200, 'y')`)
      expect(await shop.run()).toMatchObject({
        status: 'failed',
        error: { code: 'stream_mode_unsupported' },
      })
      expect(await shop.rows('id::int')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
      await shop.source.query(`
      DELETE FROM orders WHERE id IN ('a', 'b');
      ALTER TABLE orders ALTER COLUMN id TYPE bigint USING id::bigint, ALTER COLUMN total TYPE text`)
      const { error } = await shop.run()
      expect(error?.details?.problem).toContain(
        'the column "total" is string at the source now, was approved as integer',
      )
      const { drift } = await connections.get(shop.name)
      await connections.approve(shop.name, drift?.fingerprint ?? '')
      // As text, 100 is smaller than 30: rows would be left out.
      expect(await shop.run()).toMatchObject({
        status: 'failed',
        error: { code: 'source_cursor_type_changed' },
      })
      await connections.reset(shop.name)
      expect(await shop.run()).toMatchObject({ status: 'complete' })
    },
  )

  longTest('a key that the approved type holds is merged as before', async () => {
    const dedup: StreamBinding = {
      name: 'codes',
      primaryKey: ['code'],
      syncMode: 'full_refresh',
      destinationSyncMode: 'append_dedup',
    }
    await using shop = await openShop({ policy: 'ignore', streams: 'all' })
    await shop.source.query(
      `CREATE TABLE codes (code text PRIMARY KEY, v int); INSERT INTO codes VALUES ('1', 1)`,
    )
    await connections.update(shop.name, { streams: [dedup] })
    await shop.run()
    await shop.source.query(`
      ALTER TABLE codes ALTER COLUMN code TYPE integer USING code::integer;
      UPDATE codes SET v = 2; INSERT INTO codes VALUES (2, 2)`)
    expect(await shop.run()).toMatchObject({ status: 'complete' })
    expect(
      await place.data.query(`SELECT code, v::int FROM ${shop.name}.codes ORDER BY code`),
    ).toEqual([
      { code: '1', v: 2 },
      { code: '2', v: 2 },
    ])
  })

  longTest(
    'a key that the source no longer holds to be unique merges no rows: the run says so',
    async () => {
      const dedup: StreamBinding = {
        name: 'orders',
        syncMode: 'full_refresh',
        destinationSyncMode: 'append_dedup',
        primaryKey: ['id'],
      }
      await using shop = await openShop({ policy: 'ignore', streams: [dedup] })
      expect(await shop.run()).toMatchObject({ status: 'complete', loaded: 3 })
      await shop.source.query(`
      ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD COLUMN alt serial, ADD PRIMARY KEY (alt);
      UPDATE orders SET id = 1`)
      const { status, error } = await shop.run()
      expect(status).toBe('failed')
      expect(error?.details?.problem).toBe(
        'the source has the primary key (alt) now, (id) was approved, and rows are merged by it in mode append_dedup: rows that share it would become one',
      )
      expect(await shop.rows('id::int')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
      // A part of the key that is approved holds its rows apart too.
      await shop.source.query(`
      UPDATE orders SET id = alt; ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id)`)
      expect(await shop.run()).toMatchObject({ status: 'complete' })
    },
  )

  longTest('a cursor that is gone cannot be kept to: the run says so', async () => {
    await using shop = await openShop({ policy: 'ignore' })
    await shop.source.query('ALTER TABLE orders DROP COLUMN id')
    expect(await shop.run()).toMatchObject({
      status: 'failed',
      error: {
        code: 'stream_column_not_found',
        details: {
          problem:
            'the column "id" is gone from the source, and it is the cursor or belongs to the primary key',
        },
      },
    })
  })
})

test('a connection of an earlier version, for which nothing was approved, begins with what its next run sees', async () => {
  await using shop = await openShop({})
  const name = `${shop.name}_old`
  const { id, version } = await place.store.connections.create({
    name,
    from: shop.name,
    streams: [{ name: 'orders' }],
    destination: `data:${name}`,
    schedule: null,
    status: 'active',
    nextRunAt: null,
    options: { schemaDrift: 'block_until_approved' },
  })
  expect(await place.store.drift.approved(id)).toBeNull()
  await shop.source.query('ALTER TABLE orders ADD COLUMN phone text')
  const { runs } = place.service
  expect(await runToEnd(runs, await runs.start(name))).toMatchObject({
    status: 'complete',
    schemaChanges: [],
  })
  expect(await approvedColumns(name)).toEqual(['id', 'total', 'note', 'phone'])
  expect((await connections.get(name)).version).toBe(version)
})
