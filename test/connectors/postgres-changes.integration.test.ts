import { beforeAll, describe, expect, test } from 'vitest'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import type { JsonObject } from '../../protocol/index.ts'
import pg from 'pg'
import {
  type PostgresAddress,
  startPostgres,
  testDatabase,
  type TestDatabase,
} from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { type CommittingOutput, MergedTable, runFeed } from './changes-destination.ts'
import {
  contentsSql,
  RandomWriter,
  sorted,
  writtenSchema,
  writtenTables,
} from './changes-writer.ts'
import { contextOf } from './collected.ts'

let slots = 0

function configOf(db: TestDatabase, more: JsonObject = {}): JsonObject {
  slots += 1
  return {
    ...db.address,
    replication: 'cdc',
    slot: `changes_${db.address.database}_${String(slots)}`,
    ...more,
  }
}

async function tablesOf(config: JsonObject, ...names: string[]): Promise<MergedTable[]> {
  const { streams } = await postgresConnector.discover(config, contextOf())
  return names.map((name) => {
    const stream = streams.find((candidate) => candidate.name === name)
    if (stream === undefined) throw new Error(`no stream ${name}`)
    return new MergedTable(stream)
  })
}

describe('changes', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await testDatabase()
    return async () => {
      await db[Symbol.asyncDispose]()
    }
  })

  async function confirmedOf({ slot }: JsonObject): Promise<unknown[]> {
    const rows = await db.query(
      `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    )
    return rows.map(({ lsn }) => lsn)
  }

  test('a first run reads the rows, and later runs inserts, updates and deletes', async () => {
    await db.query('CREATE TABLE goods (id int PRIMARY KEY, name text, price numeric, ok bool)')
    await db.query(
      `INSERT INTO goods SELECT i, E'name\\t' || i, i * 1.5, i % 2 = 0 FROM generate_series(1, 300) i`,
    )
    const config = configOf(db)
    const tables = await tablesOf(config, 'goods')
    const [goods] = tables
    const first = await runFeed(config, tables)
    expect(first).toMatchObject({ outcomes: ['complete'], warnings: [] })
    const wanted = async (): Promise<unknown> =>
      (
        await db.query(
          `SELECT id::text, name, price::text, CASE WHEN ok THEN 't' ELSE 'f' END AS ok FROM goods`,
        )
      ).toSorted((a, b) => (`["${String(a.id)}"]` < `["${String(b.id)}"]` ? -1 : 1))
    expect(goods?.contents()).toEqual(await wanted())
    await db.query(`INSERT INTO goods VALUES (1000, 'new', 1, true)`)
    await db.query(`UPDATE goods SET name = 'changed' WHERE id = 7`)
    await db.query(`UPDATE goods SET id = 2000 WHERE id = 8`)
    await db.query(`DELETE FROM goods WHERE id = 9`)
    const second = await runFeed(config, tables)
    expect(second).toMatchObject({ outcomes: ['complete'], warnings: [] })
    expect(second.outputs[0]?.emitted).toHaveLength(5)
    expect(goods?.contents()).toEqual(await wanted())
    const third = await runFeed(config, tables)
    expect(third.outputs[0]?.emitted).toHaveLength(0)
    await expect
      .poll(() => confirmedOf(config))
      .toEqual([(goods?.state as { readonly lsn: string }).lsn])
  })

  test('values of changes have the form that those of the snapshot have', async () => {
    await db.query(
      `CREATE TYPE pair AS (a int, b text);
       CREATE TABLE forms (id int PRIMARY KEY, list text[], nested int[], one pair, doc jsonb, bytes bytea, at timestamptz, cost money, span interval);
       INSERT INTO forms VALUES (1, ARRAY['a', 'b' || chr(9) || 'c', NULL], '{{1,2},{3,4}}', '(7,"x, y")', '{"k":[1]}', decode('00ff', 'hex'), '2026-01-02 03:04:05.678+02', 12.5, '1 day 2 hours');
       INSERT INTO forms (id) VALUES (2)`,
    )
    const config = configOf(db)
    const tables = await tablesOf(config, 'forms')
    const [forms] = tables
    await runFeed(config, tables)
    const snapshot = forms?.contents()
    await db.query(`CREATE TABLE copy AS TABLE forms; DELETE FROM forms`)
    await runFeed(config, tables)
    expect(forms?.contents()).toEqual([])
    await db.query('INSERT INTO forms TABLE copy')
    await runFeed(config, tables)
    expect(forms?.contents()).toEqual(snapshot)
    expect(snapshot?.[0]).toMatchObject({ list: '["a","b\\tc",null]', one: '{"a":7,"b":"x, y"}' })
  })

  test('a slot that was made again is no silent gap: the rows are read again, or the stream fails', async () => {
    await db.query('CREATE TABLE gap (id int PRIMARY KEY, v int); INSERT INTO gap VALUES (1, 1)')
    const config = configOf(db)
    const tables = await tablesOf(config, 'gap')
    const [gap] = tables
    await runFeed(config, tables)
    await expect
      .poll(() =>
        db.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [config.slot]),
      )
      .toEqual([{ active: false }])
    await db.query(`SELECT pg_drop_replication_slot($1)`, [config.slot])
    await db.query('INSERT INTO gap VALUES (2, 2)')
    const saved = gap?.state
    const strict = { ...config, on_lost_slot: 'fail' }
    await expect(runFeed(strict, tables)).rejects.toMatchObject({ code: 'source_changes_lost' })
    const again = await runFeed(config, tables)
    expect(again.warnings.join()).toContain(
      'all rows are read again: the replication slot begins at',
    )
    expect(gap?.contents()).toEqual([
      { id: '1', v: '1' },
      { id: '2', v: '2' },
    ])
    if (gap !== undefined) gap.state = { ...(saved as object), system: '1' }
    await expect(runFeed(config, tables)).rejects.toMatchObject({ code: 'source_changes_lost' })
  })

  test('a table without a key gives its inserts, and stays writable', async () => {
    await db.query('CREATE TABLE keyless (v int); INSERT INTO keyless VALUES (1), (1)')
    const config = configOf(db)
    const [keyless] = await tablesOf(config, 'keyless')
    const tables = keyless ? [keyless] : []
    const first = await runFeed(config, tables)
    expect(first.outputs[0]?.emitted).toHaveLength(2)
    expect(first.warnings.join()).toContain('Updates and deletes of public.keyless are not seen')
    await db.query('INSERT INTO keyless VALUES (2); UPDATE keyless SET v = 3')
    const second = await runFeed(config, tables)
    expect(second.outputs[0]?.emitted).toMatchObject([{ v: '2' }])
  })

  test('a transaction that was open when the feed began is waited for, and named', async () => {
    await db.query('CREATE TABLE busy (id int PRIMARY KEY, v int)')
    const config = configOf(db)
    const tables = await tablesOf(config, 'busy')
    const [busy] = tables
    const client = new pg.Client({ ...db.address, ssl: false })
    await client.connect()
    await client.query('BEGIN; INSERT INTO busy VALUES (1, 1)')
    const run = runFeed(config, tables)
    setTimeout(() => void client.query('COMMIT'), 500)
    await run
    await client.end()
    expect(busy?.contents()).toEqual([{ id: '1', v: '1' }])
  })

  test('a sandbox makes no slot', async () => {
    const config = configOf(db)
    const context = { ...contextOf(), isSandbox: true }
    await using session = await postgresConnector.openRead(config, context, [])
    expect(session.shared).toMatchObject({ isSandbox: true, hasNoSlot: true })
    expect(await confirmedOf(config)).toEqual([])
  })

  test('a check says what is missing', async () => {
    const config = configOf(db)
    await db.query(`CREATE ROLE plain_${db.address.database} LOGIN PASSWORD 'x'`)
    const user = `plain_${db.address.database}`
    await db.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${user}`)
    const check = (more: JsonObject): Promise<unknown> =>
      postgresConnector.check({ ...config, ...more }, contextOf())
    expect(await check({})).toEqual({ status: 'SUCCEEDED' })
    expect(await check({ user, password: 'x' })).toMatchObject({
      status: 'FAILED',
      message: expect.stringContaining('may not use replication') as string,
    })
    await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
  })
})

describe('a random writer', () => {
  test('every change arrives, and the last one wins, after random kills', async () => {
    const random = seededRandom(2)
    await using server = await startPostgres({
      settings: { max_prepared_transactions: '10', fsync: 'off' },
    })
    const { address } = server
    await onDatabase(address, writtenSchema)
    const writer = new RandomWriter(address, random)
    await writer.open()
    await writer.write(200)
    const config: JsonObject = { ...address, replication: 'cdc', slot: 'random' }
    const names = Object.keys(writtenTables)
    const tables = await tablesOf(config, ...names)
    for (let round = 0; round < 20; round++) {
      const outputs: CommittingOutput[] = []
      const stop = new AbortController()
      const isKilled = random() < 0.7
      let rows = Math.floor(random() * 3000)
      const run = runFeed(config, tables, {
        outputs,
        signal: stop.signal,
        isContinuous: true,
        delayMs: () => Math.floor(random() * 20),
        onRows: () => {
          rows -= 1
          if (rows !== 0) return
          if (isKilled) for (const out of outputs) out.kill()
          stop.abort()
        },
      })
      await writer.write(25)
      const timer = setTimeout(() => {
        if (isKilled) for (const out of outputs) out.kill()
        stop.abort()
      }, random() * 200)
      await run
      clearTimeout(timer)
    }
    await writer.close()
    const last = await runFeed(config, tables)
    expect(last).toMatchObject({ outcomes: names.map(() => 'complete'), warnings: [] })
    for (const [index, name] of names.entries()) {
      const rows = await onDatabase(address, contentsSql(name))
      expect(sorted(tables[index]?.contents() ?? []), name).toEqual(sorted(rows))
    }
  }, 120_000)
})

async function onDatabase(
  address: PostgresAddress,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ ...address, ssl: false })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end()
  }
}
