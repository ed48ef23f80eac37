import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { streamIdOf, type ConfiguredAirbyteStream } from '../../protocol/index.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  Collected,
  contextOf,
  discovered,
  fullRefreshOf,
  readAll,
  rowsOf,
  statesOf,
  type Row,
} from './collected.ts'
import { longTest, usuallyThird } from '../support/long.ts'

let db: TestDatabase
const config = (more: Record<string, unknown> = {}) => ({ ...db.address, ...more })

beforeAll(async () => {
  db = await testDatabase()
})
afterAll(async () => {
  await db[Symbol.asyncDispose]()
})

/** Reads with stops until everything is complete; gives what the states covered. */
/** Each attempt may read more than `stopAfter` rows: those that have arrived by then. */
async function readWithStops(name: string, options: Record<string, unknown>, stopAfter: number) {
  const stream = fullRefreshOf(await discovered(postgresConnector, config(options), name))
  const rows: Row[] = []
  let states = new Map()
  let attempts = 0
  for (;;) {
    const runs = await readAll(postgresConnector, config(options), { stream, states, stopAfter })
    attempts += 1
    for (const { out } of runs) {
      expect(out.covered.length).toBe(out.rows.length)
      rows.push(...out.covered)
    }
    states = statesOf(runs)
    if (runs.every(({ outcome }) => outcome === 'complete')) return { rows, attempts }
  }
}

async function expectAllOnce(name: string, rows: readonly Row[], key: string) {
  const expected = await db.query(`SELECT (${key})::text AS key FROM ${name}`)
  const ids = rows.map((row) => Object.values(row)[0])
  expect(ids.length).toBe(expected.length)
  expect([...new Set(ids)].sort()).toEqual(expected.map((row) => row.key).sort())
}

/** How many sessions run a COPY of the table now. */
async function copies(table: string): Promise<number> {
  const rows = await db.query(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%"' || $1 || '"%' AND state = 'active' AND pid <> pg_backend_pid()`,
    [table],
  )
  return rows.length
}

describe('a full refresh', () => {
  test('of a table without a key reads every row and ends with the one state', async () => {
    await db.query(
      `CREATE TABLE keyless AS SELECT i AS n, 'row ' || i AS t FROM generate_series(1, 5000) i`,
    )
    const stream = await discovered(postgresConnector, config(), 'keyless')
    const [run, ...others] = await readAll(postgresConnector, config(), {
      stream: fullRefreshOf(stream),
    })
    expect(stream.is_resumable).toBe(false)
    expect(others).toEqual([])
    expect(run?.slice).toBe('')
    expect(run?.out.rows.length).toBe(5000)
    expect(run?.out.states.map(({ state }) => state)).toEqual([{ kind: 'whole', done: true }])
  })

  test('that is stopped and resumed again and again reads every row exactly once', async () => {
    await db.query(
      `CREATE TABLE many (id bigint PRIMARY KEY, t text);
       INSERT INTO many SELECT i * 3, repeat('x', 100) FROM generate_series(1, 30000) i`,
    )
    const { rows, attempts } = await readWithStops('many', { state_rows: 700 }, 3000)
    expect(attempts).toBeGreaterThan(1)
    await expectAllOnce('many', rows, 'id')
  })

  longTest(
    'of a large table is split into ranges that cover every row once, with and without statistics',
    async () => {
      await db.query(
        `CREATE TABLE ranged (id int PRIMARY KEY, t text);
       INSERT INTO ranged SELECT i * i % 1000003, 'x' FROM generate_series(1, 20000) i ON CONFLICT DO NOTHING`,
      )
      const options = { range_rows: 1000, parallel: 5 }
      for (const prepare of ['SELECT 1', 'ANALYZE ranged']) {
        await db.query(prepare)
        const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'ranged'))
        const runs = await readAll(postgresConnector, config(options), { stream })
        expect(runs.map(({ slice }) => slice)).toEqual([
          'range-0',
          'range-1',
          'range-2',
          'range-3',
          'range-4',
        ])
        for (const { out } of runs) expect(out.rows.length).toBeGreaterThan(1000)
        await expectAllOnce('ranged', rowsOf(runs), 'id')
      }
    },
  )

  test.each(
    usuallyThird(0, [
      ['composite', 'a int, b text, PRIMARY KEY (a, b)', "i % 3, 'v' || i", "a || '/' || b"],
      ['uuids', 'a uuid PRIMARY KEY', 'gen_random_uuid()', 'a'],
      ['texts', 'a text PRIMARY KEY', 'chr(9) || chr(92) || md5(i::text)', 'a'],
      [
        'stamps',
        'a timestamptz PRIMARY KEY',
        "'2020-01-01'::timestamptz + i * interval '1.000001 s'",
        'a',
      ],
      ['decimals', 'a numeric PRIMARY KEY', 'i * 1.10 - 5000', 'a'],
      ['doubles', 'a float8 PRIMARY KEY', 'sqrt(i) / 3', 'a'],
      ['padded', 'a char(20) PRIMARY KEY', 'md5(i::text)::char(9)', 'rpad(a, 20)'],
      ['bits', 'a bit(16) PRIMARY KEY', 'i::bit(16)', 'a'],
      ['bytes', 'a bytea PRIMARY KEY', 'sha256(i::text::bytea)', 'a'],
      ['nets', 'a inet PRIMARY KEY', "'10.0.0.0'::inet + i", 'host(a)'],
    ]),
  )('splits and resumes a table keyed by %s', async (name, ...table) => {
    const [columns, values, key] = table
    await db.query(
      `CREATE TABLE k_${name} (${columns}, filler text);
       INSERT INTO k_${name} SELECT ${values}, repeat('x', 300) FROM generate_series(1, 9000) i ON CONFLICT DO NOTHING`,
    )
    const options = { range_rows: 500, parallel: 4, state_rows: 300 }
    const { rows, attempts } = await readWithStops(`k_${name}`, options, 1)
    expect(attempts).toBeGreaterThan(1)
    const shown = rows.map((row) => Object.values(row).slice(0, -1).join('/')).sort()
    expect(rows.every(({ filler }) => filler === 'x'.repeat(300))).toBe(true)
    const expected = await db.query(`SELECT (${key})::text AS key FROM k_${name}`)
    expect(shown).toEqual(expected.map((row) => row.key).sort())
  })

  test('does not see rows that are written after the run has begun, in any slice', async () => {
    await db.query(
      `CREATE TABLE moving (id int PRIMARY KEY, t text);
       INSERT INTO moving SELECT i * 10, 'before' FROM generate_series(1, 4000) i`,
    )
    const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'moving'))
    const runs = await readAll(postgresConnector, config({ range_rows: 100, parallel: 3 }), {
      stream,
      afterOpen: async () => {
        await db.query(
          `INSERT INTO moving SELECT i * 10 + 1, 'after' FROM generate_series(1, 4000) i`,
        )
        await db.query(`DELETE FROM moving WHERE id % 20 = 0`)
      },
    })
    const rows = rowsOf(runs)
    expect(rows.length).toBe(4000)
    expect(new Set(rows.map(({ t }) => t))).toEqual(new Set(['before']))
  })

  test.each([
    ['truncated', 'TRUNCATE $'],
    ['rewritten', 'ALTER TABLE $ ALTER COLUMN v TYPE bigint'],
    ['replaced', 'ALTER TABLE $ RENAME TO $_old; CREATE TABLE $ (id int PRIMARY KEY, v int)'],
    ['rewritten in a partition', 'ALTER TABLE $ ALTER COLUMN v TYPE bigint', 'partitioned'],
    ['rewritten below a view', 'ALTER TABLE $_base ADD COLUMN r float8 DEFAULT random()', 'view'],
  ])('of a table that was %s since the snapshot fails', async (what, change, kind = 'table') => {
    const name = `since_${what.replaceAll(' ', '_')}`
    const columns = '(id int PRIMARY KEY, v int)'
    const makes: Record<string, string> = {
      table: `CREATE TABLE ${name} ${columns}`,
      partitioned: `CREATE TABLE ${name} ${columns} PARTITION BY RANGE (id);
                    CREATE TABLE ${name}_p PARTITION OF ${name} FOR VALUES FROM (0) TO (100)`,
      view: `CREATE TABLE ${name}_base ${columns}; CREATE VIEW ${name} AS SELECT id, v FROM ${name}_base`,
    }
    await db.query(`${makes[kind] ?? ''}; INSERT INTO ${name} VALUES (1, 1), (2, 2)`)
    const stream = fullRefreshOf(await discovered(postgresConnector, config(), name))
    // A plan that begins again from the start locks the table.
    const states = new Map([['', null]])
    const read = readAll(postgresConnector, config(), {
      stream,
      states,
      afterOpen: async () => {
        await db.query(change.replaceAll('$', name))
      },
    })
    await expect(read).rejects.toMatchObject({ code: 'source_table_replaced', retryable: true })
  })

  test('reads nothing of a slice whose state says that it is done', async () => {
    await db.query(
      `CREATE TABLE finished (id int PRIMARY KEY); INSERT INTO finished VALUES (1), (2)`,
    )
    const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'finished'))
    const first = await readAll(postgresConnector, config(), { stream })
    const second = await readAll(postgresConnector, config(), { stream, states: statesOf(first) })
    expect(rowsOf(first).length).toBe(2)
    expect(rowsOf(second)).toEqual([])
    expect(second.map(({ outcome }) => outcome)).toEqual(['complete'])
  })

  longTest('orders and resumes by the comparison of a type from an extension', async () => {
    await db.query(
      `CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
       CREATE TABLE ci (id ext.citext PRIMARY KEY);
       INSERT INTO ci SELECT CASE WHEN i % 2 = 0 THEN upper(md5(i::text)) ELSE md5(i::text) END FROM generate_series(1, 9000) i`,
    )
    const { rows, attempts } = await readWithStops('ci', { range_rows: 100, state_rows: 300 }, 1)
    expect(attempts).toBeGreaterThan(1)
    await expectAllOnce('ci', rows, 'id')
  })

  test('reads rows that are larger than any buffer', async () => {
    await db.query(
      `CREATE TABLE huge (id int PRIMARY KEY, t text);
       INSERT INTO huge SELECT i, repeat('ab\\', 1000000) FROM generate_series(1, 5) i; INSERT INTO huge VALUES (6, 'small')`,
    )
    const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'huge'))
    const rows = rowsOf(await readAll(postgresConnector, config(), { stream }))
    expect(rows.map(({ t }) => String(t).length)).toEqual([3e6, 3e6, 3e6, 3e6, 3e6, 5])
  })

  test('of a partitioned table reads all its partitions; of a parent only its own rows', async () => {
    await db.query(
      `CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY HASH (id);
       CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
       CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
       INSERT INTO parted SELECT generate_series(1, 3000);
       CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
       INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)`,
    )
    const { streams } = await postgresConnector.discover(config(), contextOf())
    expect(streams.map(({ name }) => name)).not.toContain('parted_0')
    const { rows } = await readWithStops('parted', { range_rows: 100 }, 1)
    await expectAllOnce('parted', rows, 'id')
    expect((await readWithStops('parent', {}, 10)).rows.length).toBe(1)
  })

  test('plans streams side by side, one query at a time', async () => {
    await db.query('CREATE TABLE planned (id int PRIMARY KEY)')
    const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'planned'))
    const warnings: string[] = []
    const onWarning = ({ message }: Error): void => {
      warnings.push(message)
    }
    process.on('warning', onWarning)
    await using session = await postgresConnector.openRead(config(), contextOf())
    const plans = await Promise.all(
      Array.from({ length: 4 }, () => session.plan(stream, new Map())),
    )
    expect(new Set(plans.map((plan) => JSON.stringify(plan))).size).toBe(1)
    await new Promise(setImmediate)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  test('looks up the tables of a run together, each with its own columns', async () => {
    await db.query(
      `CREATE SCHEMA other;
       CREATE TABLE pair_one (id int PRIMARY KEY, a text); CREATE TABLE other.pair_one (b text);
       CREATE TABLE other.pair_two (c text); INSERT INTO other.pair_one VALUES ('of other')`,
    )
    const { streams } = await postgresConnector.discover(config(), contextOf())
    const named = (name: string, namespace: string): ConfiguredAirbyteStream => {
      const stream = streams.find((some) => some.name === name && some.namespace === namespace)
      if (stream === undefined) throw new Error(`${namespace}.${name} was not discovered`)
      return fullRefreshOf(stream)
    }
    const wanted = [
      named('pair_one', 'public'),
      named('pair_one', 'other'),
      named('pair_two', 'other'),
    ]
    const gone = structuredClone(named('pair_one', 'public'))
    gone.stream.name = 'pair_two'
    const ids = [...wanted, gone].map(({ stream }) => streamIdOf(stream))
    await using session = await postgresConnector.openRead(config(), contextOf(), ids)
    for (const stream of wanted.toReversed()) await session.plan(stream, new Map())
    await expect(session.plan(gone, new Map())).rejects.toMatchObject({
      code: 'source_stream_missing',
    })
    const columnsOf = (stream: ConfiguredAirbyteStream): unknown =>
      z
        .object({
          table: z.object({ columns: z.array(z.object({ name: z.string() })) }).nullable(),
        })
        .parse(session.sharedWith?.(stream)).table?.columns
    expect(wanted.map(columnsOf)).toEqual([
      [{ name: 'id' }, { name: 'a' }],
      [{ name: 'b' }],
      [{ name: 'c' }],
    ])
    // Given away once; a stream that is planned again is looked up again.
    expect(wanted.map(columnsOf)).toEqual([undefined, undefined, undefined])
    const [, other] = wanted
    if (other === undefined) return
    await session.plan(other, new Map())
    const out = new Collected(other.stream)
    const shared = session.sharedWith?.(other) ?? null
    const task = { config: config(), stream: other, slice: '', state: null, session: shared }
    await postgresConnector.read(task, out, contextOf())
    expect(out.rows).toEqual([{ b: 'of other' }])
  })

  longTest(
    'that is stopped while the server has sent nothing ends at once, on the server too',
    async () => {
      await db.query(`CREATE VIEW asleep AS SELECT 1 AS id, pg_sleep(600) IS NULL AS s`)
      const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'asleep'))
      await using session = await postgresConnector.openRead(config(), contextOf())
      const stop = new AbortController()
      const task = { config: config(), stream, slice: '', state: null, session: session.shared }
      const out = new Collected(stream.stream)
      const reading = postgresConnector.read(task, out, contextOf(stop.signal))
      await expect.poll(() => copies('asleep'), { timeout: 10_000 }).toBe(1)
      stop.abort()
      expect(await reading).toBe('stopped')
      await expect.poll(() => copies('asleep'), { timeout: 15_000 }).toBe(0)
    },
  )

  test('ends at once, on the server too, when its records can no longer be taken', async () => {
    const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'huge'))
    await using session = await postgresConnector.openRead(config(), contextOf())
    const [planned] = await session.plan(stream, new Map())
    const task = {
      config: config(),
      stream,
      slice: '',
      state: planned?.state ?? null,
      session: session.shared,
    }
    class Full extends Collected {
      override copyText(): Promise<void> {
        return Promise.reject(new RangeError('the log is full'))
      }
    }
    const reading = postgresConnector.read(task, new Full(stream.stream), contextOf())
    await expect(reading).rejects.toThrow('the log is full')
    await expect.poll(() => copies('huge'), { timeout: 10_000 }).toBe(0)
  })

  test('stops on the server too when it is stopped', async () => {
    await db.query(
      `CREATE VIEW slow AS SELECT i AS id, pg_sleep(0.001) IS NULL AS s, repeat('x', 5000) AS t FROM generate_series(1, 100000) i`,
    )
    const stream = fullRefreshOf(await discovered(postgresConnector, config(), 'slow'))
    await expect(
      readAll(postgresConnector, config(), { stream, stopAfter: 1 }),
    ).rejects.toMatchObject({ code: 'source_read_interrupted' })
    await expect.poll(() => copies('slow'), { timeout: 10_000 }).toBe(0)
  })
})
