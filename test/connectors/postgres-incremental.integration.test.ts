import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { resetCommands } from '../../lib/text/reset-commands.ts'
import type { ConfiguredAirbyteStream, JsonValue } from '../../protocol/index.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { discovered, incrementalOf, readAll, statesOf, type Row } from './collected.ts'
import { longTest, usually, usuallyThird } from '../support/long.ts'

let db: TestDatabase
const config = (more: Record<string, unknown> = {}) => ({ ...db.address, ...more })

beforeAll(async () => {
  db = await testDatabase()
})
afterAll(async () => {
  await db[Symbol.asyncDispose]()
})

/** A consumer that stores its state, as a connection does. */
async function follow(
  table: string,
  cursor: string,
  options: Record<string, unknown> = {},
  load: Load = {},
) {
  const stream = incrementalOf(await discovered(postgresConnector, config(), table), cursor)
  const { mode = stream.destination_sync_mode, backfills = false } = load
  return new Follower({ ...stream, destination_sync_mode: mode }, { ...options, backfills })
}

interface Load {
  readonly mode?: 'append' | 'append_dedup'
  readonly backfills?: boolean
}

class Follower {
  states: ReadonlyMap<string, JsonValue | null> = new Map()
  readonly #stream: ConfiguredAirbyteStream
  readonly #options: Record<string, unknown>

  readonly #backfills: boolean

  constructor(
    stream: ConfiguredAirbyteStream,
    { backfills, ...options }: Record<string, unknown> & { readonly backfills: boolean },
  ) {
    this.#stream = stream
    this.#options = options
    this.#backfills = backfills
  }

  async read(
    stopAfter?: number,
  ): Promise<{ rows: Row[]; outcome: string | undefined; warnings: string[] }> {
    const runs = await readAll(postgresConnector, config(this.#options), {
      stream: this.#stream,
      states: this.states,
      backfills: this.#backfills,
      ...(stopAfter !== undefined && { stopAfter }),
    })
    for (const { out } of runs) expect(out.covered.length).toBe(out.rows.length)
    this.states = statesOf(runs)
    return {
      rows: runs.flatMap(({ out }) => out.rows),
      outcome: runs[0]?.outcome,
      warnings: runs.flatMap(({ warnings }) => warnings),
    }
  }
}

const idsOf = (rows: readonly Row[]) => rows.map(({ id }) => Number(id)).sort((a, b) => a - b)

test('the first read gives rows without a cursor value first; later reads give neither them nor anything twice', async () => {
  await db.query(
    `CREATE TABLE first (id int, at timestamptz);
     INSERT INTO first VALUES (1, NULL), (2, '2024-01-01 00:00:00.000001+00'), (3, '2024-01-01 00:00:00.000001+00'), (4, NULL)`,
  )
  const follower = await follow('first', 'at')
  const { rows } = await follower.read()
  expect(rows.slice(0, 2).map(({ at: time }) => time)).toEqual([null, null])
  expect(idsOf(rows)).toEqual([1, 2, 3, 4])
  expect((await follower.read()).rows).toEqual([])
  await db.query(
    `INSERT INTO first VALUES (5, NULL), (6, '2024-01-01 00:00:00.000001+00'), (7, '2024-01-01 00:00:00.000002+00')`,
  )
  expect(idsOf((await follower.read()).rows)).toEqual([6, 7])
  expect((await follower.read()).rows).toEqual([])
})

test('a NOT NULL that was never validated hides no row without a cursor value', async () => {
  await db.query(
    `CREATE TABLE unvalidated (id int, at int); INSERT INTO unvalidated VALUES (1, NULL), (2, 5);
     ALTER TABLE unvalidated ADD CONSTRAINT filled NOT NULL at NOT VALID`,
  )
  const follower = await follow('unvalidated', 'at')
  expect(idsOf((await follower.read()).rows)).toEqual([1, 2])
})

test('an updated row at the boundary comes again, an equal second row is one more, a deleted one is forgotten', async () => {
  await db.query(
    `CREATE TABLE edge (id int, v int, t text); INSERT INTO edge VALUES (1, 5, 'a'), (2, 5, 'b'), (3, 5, 'c')`,
  )
  const follower = await follow('edge', 'v')
  await follower.read()
  await db.query(
    `UPDATE edge SET t = 'new' WHERE id = 1; INSERT INTO edge VALUES (2, 5, 'b'); DELETE FROM edge WHERE id = 3`,
  )
  expect((await follower.read()).rows.map(({ id, t }) => [id, t]).sort()).toEqual([
    ['1', 'new'],
    ['2', 'b'],
  ])
  await db.query(`INSERT INTO edge VALUES (3, 5, 'c')`)
  expect(idsOf((await follower.read()).rows)).toEqual([3])
})

test.each(
  usuallyThird(0, [
    ['numeric', `'1.0'`, `'1.00'`, `'1.01'`],
    ['float8', `'-0'`, `'0'`, `'1e-300'`],
    ['interval', `'1 day'`, `'24:00:00'`, `'25:00:00'`],
    ['char(5)', `'a'`, `'a '`, `'b'`],
    ['date', `'2024-02-29'`, `'2024-02-29'`, `'infinity'`],
    [
      'timestamptz',
      `'2024-01-01 00:00:00.000001+00'`,
      `'2024-01-01 02:00:00.000001+02'`,
      `'infinity'`,
    ],
    [
      'uuid',
      `'00000000-0000-0000-0000-000000000001'`,
      `'00000000-0000-0000-0000-000000000001'`,
      `'f0000000-0000-0000-0000-000000000001'`,
    ],
    ['text', `E'a\\\\\\tb'`, `E'a\\\\\\tb'`, `'b'`],
    ['ci', `'Straße'`, `'STRASSE'`, `'zzz'`],
    ['mood', `'sad'`, `'sad'`, `'happy'`],
    ['bytea', `'\\x00ff'`, `'\\x00ff'`, `'\\x01'`],
    ['jsonb', `'{"a": 1.0}'`, `'{"a": 1.00}'`, `'{"a": 2}'`],
  ]),
)('equal cursor values of type %s are neither lost nor given again', async (type, ...values) => {
  const [low, equal, high] = values
  const table = `eq_${type.replace(/\W/g, '')}`
  await db.query(
    `DO $$ BEGIN
       CREATE TYPE mood AS ENUM ('sad', 'happy');
       CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
       CREATE DOMAIN ci AS text COLLATE nocase;
     EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  )
  await db.query(
    `CREATE TABLE ${table} (id int, c ${type}); INSERT INTO ${table} VALUES (1, ${low}), (2, ${equal})`,
  )
  const follower = await follow(table, 'c')
  expect(idsOf((await follower.read()).rows)).toEqual([1, 2])
  expect(idsOf((await follower.read()).rows)).toEqual([])
  await db.query(`INSERT INTO ${table} VALUES (3, ${low}), (4, ${equal}), (5, ${high})`)
  expect(idsOf((await follower.read()).rows)).toEqual([3, 4, 5])
  expect(idsOf((await follower.read()).rows)).toEqual([])
})

longTest(
  'more than 10,000 equal rows are not given again while they stay the same, and once when they change',
  async () => {
    await db.query(
      `CREATE TABLE crowd (id int, v int, t text);
     INSERT INTO crowd SELECT i, CASE WHEN i <= 100 THEN 1 ELSE 2 END, repeat('x', 50) FROM generate_series(1, 12000) i`,
    )
    const follower = await follow('crowd', 'v')
    expect((await follower.read()).rows.length).toBe(12000)
    expect(await follower.read()).toMatchObject({ rows: [], warnings: [] })
    await db.query(`UPDATE crowd SET t = 'changed' WHERE id = 12000`)
    expect((await follower.read()).rows.length).toBe(11900)
    expect(await follower.read()).toMatchObject({ rows: [], warnings: [] })
    await db.query(`INSERT INTO crowd VALUES (20000, 3, 'x')`)
    expect(idsOf((await follower.read()).rows)).toEqual([20000])
  },
)

longTest(
  'a group of more than 10,000 equal rows that is given again is warned of, in that run only',
  async () => {
    await db.query(
      `CREATE TABLE again (id int, v int); INSERT INTO again SELECT i, 2 FROM generate_series(1, 10001) i`,
    )
    const follower = await follow('again', 'v')
    expect((await follower.read()).warnings).toEqual([])
    await db.query(`INSERT INTO again VALUES (20000, 2), (20001, 3)`)
    const { rows, warnings } = await follower.read()
    expect(rows).toHaveLength(10_003)
    expect(warnings).toEqual([
      'More than 10,000 rows of public.again had the last value of v at the last checkpoint, and since then rows with that value were added, changed or deleted, or a column got another type. The checkpoint does not show which, so all rows that have the value now were read again (number of rows: 10,002). With append, those that were read before are at the destination once more. To prevent this, use destination_sync_mode: append_dedup with a primary key, or a cursor field with fewer equal values.',
    ])
    expect(await follower.read()).toMatchObject({ rows: [], warnings: [] })
  },
)

test('no rows are said to be read again if a group of more than 10,000 equal rows is gone', async () => {
  await db.query(
    `CREATE TABLE gone (id int, v int); INSERT INTO gone SELECT i, 2 FROM generate_series(1, 10001) i`,
  )
  const follower = await follow('gone', 'v')
  await follower.read()
  await db.query('DELETE FROM gone; INSERT INTO gone VALUES (20000, 3)')
  const { rows, warnings } = await follower.read()
  expect(idsOf(rows)).toEqual([20_000])
  expect(warnings).toEqual([])
})

test.each(
  usuallyThird(1, [
    ['smallint', '32767', '32766'],
    ['integer', '2147483647', '2147483646'],
    ['bigint', '9223372036854775807', '9223372036854775806'],
    ['oid', '4294967295', '4294967294'],
    ['numeric', 'NaN', '9223372036854775807'],
    ['numeric', 'Infinity', '1'],
    ['numeric(9,2)', 'NaN', '1'],
    ['real', 'NaN', '1'],
    ['double precision', 'Infinity', '1'],
    ['date', 'infinity', '9999-12-31'],
    ['timestamp', 'infinity', '9999-12-31'],
    ['timestamptz', 'infinity', '9999-12-31'],
    ['interval', 'infinity', '1 day'],
    ['valid_until', 'infinity', '-infinity'],
  ]),
)('a cursor of type %s that has reached %s is warned of by each run', async (type, end, below) => {
  await db.query(
    `DO $$ BEGIN CREATE DOMAIN valid_until AS date; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
     DROP TABLE IF EXISTS ending; CREATE TABLE ending (id int, upto ${type});
     INSERT INTO ending VALUES (1, '${below}')`,
  )
  const follower = await follow('ending', 'upto')
  expect((await follower.read()).warnings).toEqual([])
  await db.query(`INSERT INTO ending VALUES (2, '${end}')`)
  const warnings = [
    `The incremental read of public.ending has reached the value ${end} in column upto. No ordinary value is greater, so no row with a smaller upto will ever be read again, whether it is new or changed. Correct the value at the source, empty the stream’s table at the destination, where the row would stay as it is, and reset the stream (${resetCommands('public.ending')}); or choose another cursor field, or read a view that leaves such rows out.`,
  ]
  expect(await follower.read()).toMatchObject({ rows: [{ id: '2' }], warnings })
  await db.query(`INSERT INTO ending VALUES (3, '${below}')`)
  expect(await follower.read()).toEqual({ rows: [], outcome: 'complete', warnings })
  await db.query(`INSERT INTO ending VALUES (4, '${end}')`)
  expect(await follower.read()).toMatchObject({ rows: [{ id: '4' }], warnings })
})

longTest(
  'the last value of an integer type is an ordinary one of a wider type, and of text',
  async () => {
    await db.query(
      `CREATE TABLE wider (id int, v int, t text); INSERT INTO wider VALUES (1, 2147483647, 'infinity')`,
    )
    const before = await follow('wider', 'v')
    expect((await before.read()).warnings).toHaveLength(1)
    await db.query('ALTER TABLE wider ALTER v TYPE bigint')
    const after = await follow('wider', 'v')
    after.states = before.states
    expect((await after.read()).warnings).toEqual([])
    expect((await (await follow('wider', 't')).read()).warnings).toEqual([])
  },
)

test('a read that is stopped between and among equal values resumes exactly', async () => {
  await db.query(
    `CREATE TABLE stops (id int, v int, t text);
     INSERT INTO stops SELECT i, i / 3000, repeat('x', 200) FROM generate_series(1, 30000) i`,
  )
  const follower = await follow('stops', 'v', { state_rows: 500 })
  const seen: Row[] = []
  let attempts = 0
  for (let outcome: string | undefined = 'stopped'; outcome === 'stopped'; attempts += 1) {
    const read = await follower.read(1)
    seen.push(...read.rows)
    outcome = read.outcome
  }
  expect(attempts).toBeGreaterThan(5)
  expect(idsOf(seen)).toEqual(Array.from({ length: 30000 }, (_, i) => i + 1))
})

longTest(
  'whatever is inserted and updated between reads with a growing cursor arrives exactly once',
  async () => {
    await db.query(`CREATE TABLE growing (id serial, v numeric, version int DEFAULT 0)`)
    const step = fc.record({
      inserts: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 6 }),
      touches: fc.array(fc.nat({ max: 30 }), { maxLength: 3 }),
      stopped: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
        await db.query('TRUNCATE growing RESTART IDENTITY')
        const follower = await follow('growing', 'v')
        let top = 10
        let version = 0
        const received: string[] = []
        const read = async (stopAfter?: number): Promise<void> => {
          const { rows } = await follower.read(stopAfter)
          received.push(...rows.map((row) => `${String(row.id)}/${String(row.version)}`))
        }
        const present = async (): Promise<string[]> => {
          const rows = await db.query('SELECT id, version FROM growing')
          return rows.map((row) => `${String(row.id)}/${String(row.version)}`)
        }
        for (const { inserts, touches, stopped } of steps) {
          for (const ahead of inserts) {
            top += ahead // 0: exactly at the boundary
            await db.query('INSERT INTO growing (v) VALUES ($1)', [
              `${top}.${'0'.repeat(ahead)}`.replace(/\.$/, ''),
            ])
          }
          for (const id of touches) {
            version += 1
            await db.query('UPDATE growing SET v = $1, version = $2 WHERE id = $3', [
              top,
              version,
              id,
            ])
          }
          await read(stopped ? 1 : undefined)
          // Records that a stopped read did not reach may be updated again before they are read.
          if (!stopped) expect(received).toEqual(expect.arrayContaining(await present()))
        }
        await read()
        expect(received).toEqual(expect.arrayContaining(await present()))
        expect(received.length).toBe(new Set(received).size)
      }),
      { numRuns: 25 },
    )
  },
)

test('a cursor that cannot order rows is refused with the reason', async () => {
  await db.query(`CREATE TABLE unordered (id int, doc json, tags int[])`)
  for (const column of ['doc', 'tags', 'nope']) {
    const follower = await follow('unordered', column)
    await expect(follower.read()).rejects.toMatchObject({ code: 'source_cursor_invalid' })
  }
})

test('a state of another cursor field is refused', async () => {
  await db.query(
    `CREATE TABLE swapped (id int, a int, b int); INSERT INTO swapped VALUES (1, 1, 1)`,
  )
  const first = await follow('swapped', 'a')
  await first.read()
  const second = await follow('swapped', 'b')
  second.states = first.states
  await expect(second.read()).rejects.toMatchObject({ code: 'source_state_invalid' })
})

describe('a cursor column that has another type than at the last checkpoint', () => {
  async function changed(from: string, to: string, values: string) {
    await db.query(
      `DROP TABLE IF EXISTS retyped; CREATE TABLE retyped (id int, u ${from});
       INSERT INTO retyped SELECT row_number() OVER (), v::${from} FROM unnest(ARRAY[${values}]) v`,
    )
    const before = await follow('retyped', 'u')
    await before.read()
    const type = to.replace(/ USING .*/, '')
    await db.query(`ALTER TABLE retyped ALTER u TYPE ${to}`)
    const after = await follow('retyped', 'u')
    after.states = before.states
    return { after, type }
  }

  test.each(
    usuallyThird(0, [
      ['integer', 'text', `'9', '10'`],
      ['numeric', 'integer', `'1.5', '2.5'`],
      ['integer', 'timestamp with time zone USING to_timestamp(u)', `'9'`],
      ['timestamp with time zone', 'timestamp without time zone', `'2024-05-05'`],
      ['timestamp without time zone', 'date', `'2024-05-05 10:00'`],
      ['numeric(10,2)', 'numeric(10,0)', `'1.25'`],
      [
        'timestamp(6) without time zone',
        'timestamp(0) without time zone',
        `'2024-05-05 10:00:00.4'`,
      ],
      ['real', 'double precision', `'0.1'`],
      ['text', 'text COLLATE "C"', `'a'`],
      ['text', 'character(3)', `'a'`],
      ['bigint', 'oid', `'7'`],
    ]),
  )('is refused: %s to %s', async (from, to, values) => {
    const { after, type } = await changed(from, to, values)
    await expect(after.read()).rejects.toMatchObject({
      code: 'source_cursor_type_changed',
      message: expect.stringContaining(from) as unknown,
      retryable: false,
      details: { stream: 'public.retyped', column: 'u', before: from, after: type },
    })
  })

  test('is read on once the type is changed back', async () => {
    const { after } = await changed('integer', 'text', `'9', '10'`)
    await db.query('ALTER TABLE retyped ALTER u TYPE integer USING u::integer')
    const back = await follow('retyped', 'u')
    back.states = after.states
    await db.query('INSERT INTO retyped VALUES (3, 11)')
    expect(idsOf((await back.read()).rows)).toEqual([3])
  })

  test.each(
    usuallyThird(1, [
      [['smallint', 'bigint'], `'9'`, '10'],
      [['bigint', 'integer'], `'9'`, '10'],
      [['integer', 'numeric'], `'9'`, '10'],
      [['numeric(5,2)', 'numeric(9,3)'], `'9.10'`, '10'],
      [['numeric(9,2)', 'numeric'], `'9.10'`, '10'],
      [['character varying(5)', 'text'], `'a'`, 'b'],
      [['text', 'character varying(2)'], `'a'`, 'b'],
      [['character(2)', 'character(4)'], `'a'`, 'b'],
      [['timestamp(0)', 'timestamp'], `'2024-05-05 10:00'`, '2024-05-05 10:00:00.1'],
      [['date', 'timestamp'], `'2024-05-05'`, '2024-05-05 10:00'],
      [['text COLLATE "C"', 'character varying COLLATE "C"'], `'B'`, 'a'],
    ] as const),
  )('is read on if its order is the same: %j', async ([from, to], values, next) => {
    const { after } = await changed(from, to, values)
    await db.query(`INSERT INTO retyped VALUES (2, '${next}')`)
    const { rows, warnings } = await after.read()
    expect(idsOf(rows).filter((id) => id !== 1)).toEqual([2])
    expect(warnings).toEqual([])
    expect((await after.read()).rows).toEqual([])
  })

  test('is refused if the narrower integer does not hold the saved value', async () => {
    const { after } = await changed('bigint', 'integer USING 1', `'9000000000'`)
    await expect(after.read()).rejects.toMatchObject({ code: 'source_cursor_type_changed' })
  })

  longTest('is compared by what its domain is made of', async () => {
    await db.query('CREATE DOMAIN amount AS numeric(9,2); CREATE DOMAIN price AS amount')
    const { after } = await changed('numeric(9,2)', 'price', `'1.25'`)
    expect((await after.read()).rows).toEqual([])
    await db.query('ALTER TABLE retyped ALTER u TYPE numeric(9,1)')
    const narrow = await follow('retyped', 'u')
    narrow.states = after.states
    await expect(narrow.read()).rejects.toMatchObject({ details: { before: 'numeric(9,2)' } })
  })

  test('does not matter to a state of an earlier version, or before the first value', async () => {
    const { after } = await changed('integer', 'bigint', `'9'`)
    const state = z
      .looseObject({ type: z.literal('integer').optional() })
      .parse(after.states.get(''))
    expect(state.type).toBe('integer')
    delete state.type
    await db.query('ALTER TABLE retyped ALTER u TYPE text')
    const early = await follow('retyped', 'u')
    early.states = new Map([['', z.json().parse(state)]])
    expect((await early.read()).rows).toEqual([])
    const { after: empty } = await changed('integer', 'text', `NULL`)
    expect((await empty.read()).warnings).toEqual([])
  })
})

test.each(
  usually(1, [
    ['added', 'ADD COLUMN x int'],
    ['renamed', 'RENAME COLUMN v TO x'],
    [
      'swapped',
      'RENAME COLUMN v TO x; ALTER TABLE changed RENAME COLUMN w TO v; ALTER TABLE changed RENAME COLUMN x TO w',
    ],
  ]),
)('rows at the last cursor value come once more after a column was %s', async (_name, change) => {
  await db.query(
    `DROP TABLE IF EXISTS changed; CREATE TABLE changed (id int, v text, w text, u int);
     INSERT INTO changed VALUES (1, 'a', 'b', 1), (2, 'a', 'b', 2)`,
  )
  const before = await follow('changed', 'u')
  await before.read()
  expect(idsOf((await before.read()).rows)).toEqual([])
  await db.query(`ALTER TABLE changed ${change}`)
  const after = await follow('changed', 'u')
  after.states = before.states
  expect(idsOf((await after.read()).rows)).toEqual([2])
  expect(idsOf((await after.read()).rows)).toEqual([])
})

test('a name that belongs to another column now, or whose column was rewritten in another type, is warned of once', async () => {
  await db.query(
    `CREATE TABLE ledger (id int, u int, debit numeric, credit numeric, span interval, size int, gone text);
     INSERT INTO ledger VALUES (1, 1, 5, -5, '1 day', 7, 'x'), (2, 2, 6, -6, '2 days', 8, 'y')`,
  )
  const before = await follow('ledger', 'u')
  expect((await before.read()).warnings).toEqual([])
  await db.query(
    `ALTER TABLE ledger RENAME debit TO x; ALTER TABLE ledger RENAME credit TO debit; ALTER TABLE ledger RENAME x TO credit;
     ALTER TABLE ledger ALTER span TYPE text USING span::text, ALTER size TYPE bigint, DROP gone;
     ALTER TABLE ledger ADD gone text`,
  )
  const after = await follow('ledger', 'u')
  after.states = before.states
  const reset = `To read all rows again, reset the stream (${resetCommands('public.ledger')}); with append, empty its table at the destination first.`
  expect((await after.read()).warnings).toEqual([
    `Columns credit, debit, gone of public.ledger are other columns of the table than at the last checkpoint: they were renamed, exchanged with another one, or dropped and added again. Rows that were loaded before keep the values of the old columns under these names until the source sends them again. ${reset}`,
    `Column span (from interval to text) of public.ledger got another type since the last checkpoint. Rows that were loaded before keep their values as they were in the old type until the source sends them again. ${reset}`,
  ])
  expect((await after.read()).warnings).toEqual([])
  const state = z.looseObject({ identities: z.unknown().optional() }).parse(after.states.get(''))
  delete state.identities
  after.states = new Map([['', z.json().parse(state)]])
  await db.query('ALTER TABLE ledger ALTER span TYPE interval USING span::interval')
  expect((await after.read()).warnings).toEqual([])
})

describe('a column that is new at the source', () => {
  const reset = `To read all rows again, reset the stream (${resetCommands('public.grown')}); with append, empty its table at the destination first.`

  async function grown(change: string) {
    await db.query(
      `DROP TABLE IF EXISTS grown; CREATE TABLE grown (id int PRIMARY KEY, u int, v int DEFAULT 5);
       INSERT INTO grown (id, u) VALUES (1, 1), (2, 2), (3, 2), (4, 3), (5, NULL)`,
    )
    const before = await follow('grown', 'u')
    await before.read()
    await db.query(change)
    return before.states
  }

  test.each([
    ['a default', 'ADD COLUMN w int NOT NULL DEFAULT 7', 'w'],
    ['a default that rewrites the table', 'ADD COLUMN w text DEFAULT clock_timestamp()', 'w'],
    ['a default that was dropped since', 'ADD COLUMN w int DEFAULT 7, ALTER w DROP DEFAULT', 'w'],
    ['the values of a column with another name', 'RENAME v TO w', 'w'],
  ])('and has %s is warned of once, with the number of older rows', async (_, change, name) => {
    const sql = change.split(', ALTER').join('; ALTER TABLE grown ALTER')
    const states = await grown(`ALTER TABLE grown ${sql}`)
    const after = await follow('grown', 'u')
    after.states = states
    const { rows, warnings } = await after.read()
    expect(warnings).toEqual([
      `Column ${name} of public.grown was not read until the last checkpoint, and it has values in rows that were (number of these rows: 4). There, the column is NULL at the destination until the source sends the rows again. ${reset}`,
    ])
    expect(idsOf(rows)).toEqual([4])
    expect((await after.read()).warnings).toEqual([])
  })

  test('without values in older rows is not warned of', async () => {
    const states = await grown(
      'ALTER TABLE grown ADD COLUMN w int; UPDATE grown SET w = 1 WHERE id = 4',
    )
    const after = await follow('grown', 'u')
    after.states = states
    expect((await after.read()).warnings).toEqual([])
  })

  test('is read again with all rows by a backfill, which goes on where it was stopped', async () => {
    await db.query('DROP TABLE IF EXISTS grown')
    await db.query(
      `CREATE TABLE grown (id int PRIMARY KEY, u int); INSERT INTO grown SELECT n, n / 2 FROM generate_series(2, 41) n;
       INSERT INTO grown VALUES (1, NULL)`,
    )
    const before = await follow('grown', 'u')
    await before.read()
    await db.query(
      'ALTER TABLE grown ADD COLUMN w int DEFAULT 7; INSERT INTO grown VALUES (50, 21)',
    )
    const merged = await follow(
      'grown',
      'u',
      { state_rows: 1 },
      { backfills: true, mode: 'append_dedup' },
    )
    merged.states = before.states
    const seen: Row[] = []
    const notes: string[][] = []
    for (let reads = 0; reads < 30; reads++) {
      const { rows, outcome, warnings } = await merged.read(5)
      seen.push(...rows)
      notes.push(warnings)
      if (outcome === 'complete') break
    }
    expect(new Set(idsOf(seen))).toEqual(
      new Set([...Array(41).keys()].map((n) => n + 1).concat(50)),
    )
    expect(seen.length).toBeLessThan(48)
    expect(notes[0]?.[0]).toContain('This run reads all of them again (schema_drift: backfill).')
    expect(notes[1]?.[0]).toContain('This run goes on with that.')
    expect(await merged.read()).toMatchObject({ rows: [], warnings: [] })
  })

  test('is not read again by a backfill that would append each row twice', async () => {
    const states = await grown('ALTER TABLE grown ADD COLUMN w int DEFAULT 7')
    const after = await follow('grown', 'u', {}, { backfills: true, mode: 'append' })
    after.states = states
    const { rows, warnings } = await after.read()
    expect(idsOf(rows)).toEqual([4])
    expect(warnings[0]).toContain('each row would be there twice')
  })
})

longTest(
  'a group of more than 10,000 equal rows comes once more after a column was renamed',
  async () => {
    await db.query(
      `CREATE TABLE throng (id int, v text, u int); INSERT INTO throng SELECT n, 'a', 1 FROM generate_series(1, 10001) n`,
    )
    const before = await follow('throng', 'u')
    await before.read()
    await db.query('ALTER TABLE throng RENAME COLUMN v TO w')
    const after = await follow('throng', 'u')
    after.states = before.states
    expect((await after.read()).rows).toHaveLength(10_001)
    expect((await after.read()).rows).toHaveLength(0)
  },
)

test('a table that was dropped and created anew, or is in another database, is read on with a warning, once', async () => {
  const made = 'CREATE TABLE other (id int, u int); INSERT INTO other VALUES (1, 5), (2, 6)'
  await db.query(made)
  const follower = await follow('other', 'u')
  expect((await follower.read()).warnings).toEqual([])
  expect((await follower.read()).warnings).toEqual([])
  await db.query('ALTER TABLE other ALTER u TYPE bigint')
  await db.query('VACUUM FULL other')
  expect((await follower.read()).warnings).toEqual([])
  await db.query(
    `DROP TABLE other; CREATE TABLE other (id int, u int); INSERT INTO other VALUES (1, 5), (7, 7)`,
  )
  const anew = await follower.read()
  expect(idsOf(anew.rows)).toEqual([7])
  expect(anew.warnings).toEqual([
    'Table public.other is not the one of the last checkpoint: it was dropped and created again, or replaced by another table with its name. Read are only the rows whose u is not below that of the checkpoint. If it holds other rows, reset the stream to read all of them (`reactor connect reset FILE --streams public.other`, or in the service `reactor connect connections reset NAME --streams public.other`).',
  ])
  expect((await follower.read()).warnings).toEqual([])
  await using second = await testDatabase()
  await second.query(made)
  const elsewhere = await follow('other', 'u', { database: second.address.database })
  elsewhere.states = follower.states
  expect((await elsewhere.read()).warnings.join()).toContain('it is in another database')
})

test('a source whose values are all below the checkpoint, as after a restore, is warned of', async () => {
  await db.query(
    `CREATE TABLE restored (id int PRIMARY KEY, v int); INSERT INTO restored VALUES (1, 1), (2, 2), (3, 3)`,
  )
  const follower = await follow('restored', 'v')
  await follower.read()
  expect((await follower.read()).warnings).toEqual([])
  await db.query('DELETE FROM restored WHERE v = 3')
  const below =
    /^All values of v in public\.restored are below that of the last checkpoint\..* reset the stream/
  expect((await follower.read()).warnings).toEqual([expect.stringMatching(below)])
  await db.query('INSERT INTO restored VALUES (4, 2)')
  expect(await follower.read()).toEqual({
    rows: [],
    outcome: 'complete',
    warnings: [expect.stringMatching(below)],
  })
  await db.query('INSERT INTO restored VALUES (5, 3)')
  expect(await follower.read()).toMatchObject({ rows: [{ id: '5' }], warnings: [] })
  expect((await follower.read()).warnings).toEqual([])
  await db.query('DELETE FROM restored; INSERT INTO restored VALUES (6, NULL)')
  expect((await follower.read()).warnings).toEqual([])
})

longTest('values below the checkpoint are not looked for if that is expensive', async () => {
  await db.query(
    `CREATE TABLE plain (id int, v int); INSERT INTO plain VALUES (1, 1), (2, 2);
     CREATE FUNCTION dear(v int) RETURNS int LANGUAGE plpgsql COST 100000000 AS 'BEGIN RETURN v; END';
     CREATE VIEW dear_values AS SELECT id, public.dear(v) AS v FROM plain`,
  )
  const followers = [await follow('dear_values', 'v'), await follow('plain', 'v')]
  for (const follower of followers) await follower.read()
  await db.query('DELETE FROM plain WHERE v = 2')
  const warnings = await Promise.all(
    followers.map(async (follower) => (await follower.read()).warnings),
  )
  expect(warnings).toEqual([[], [expect.stringContaining('are below')]])
})

test('a state of an earlier version is read on without a warning, and so is a view that is created anew', async () => {
  await db.query(
    `CREATE TABLE seen (id int, u int); INSERT INTO seen VALUES (1, 5); CREATE VIEW seen_all AS SELECT * FROM seen`,
  )
  const view = await follow('seen_all', 'u')
  await view.read()
  await db.query('DROP VIEW seen_all; CREATE VIEW seen_all AS SELECT id, u FROM seen')
  expect((await view.read()).warnings).toEqual([])
  const table = await follow('seen', 'u')
  await table.read()
  const state = z.looseObject({ kind: z.literal('cursor') }).parse(table.states.get(''))
  const { kind, field, cursor, boundary } = state
  table.states = new Map([['', z.json().parse({ kind, field, cursor, boundary })]])
  await db.query(
    'DROP TABLE seen CASCADE; CREATE TABLE seen (id int, u int); INSERT INTO seen VALUES (1, 5)',
  )
  expect(await table.read()).toMatchObject({ rows: [], warnings: [] })
})
