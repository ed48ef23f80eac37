import { describe, expect, test } from 'vitest'
import { functionsKey, functionsServer, mapping } from '../fakes/functions-service.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  closedPort,
  eventsOf,
  reset,
  run,
  startRun,
  startRunThroughNpm,
  type CommandEnd,
  type JsonEvent,
} from './reactor-command.ts'
import { runFile } from '../support/run-file.ts'
import { runHere } from './run-here.ts'
import { reactor } from './service-command-line.ts'
import { longTest } from '../support/long.ts'

// Concurrent: each has a database of its own, and waits for processes most of the time.
const options = { timeout: 120_000 }

const env = (database: TestDatabase): NodeJS.ProcessEnv => ({
  PG_PASSWORD: database.address.password,
})

interface Settings {
  readonly source?: object
  readonly destination?: object
  readonly [field: string]: unknown
}

/** From the `public` schema of a database to its `copy` schema; the password comes from the environment. */
function connection(
  database: TestDatabase,
  { source, destination, ...fields }: Settings = {},
): object {
  const address = { ...database.address, password: '${PG_PASSWORD}' }
  return {
    connection: 'shop',
    source: { type: 'postgres', config: { ...address, schemas: ['public'], ...source } },
    destination: { type: 'postgres', config: { ...address, schema: 'copy', ...destination } },
    ...fields,
  }
}

function fakerConnection(
  database: TestDatabase,
  streams: readonly object[],
  fields: object = {},
): object {
  return { ...connection(database), source: { type: 'faker', config: { streams } }, ...fields }
}

async function createShop(database: TestDatabase): Promise<void> {
  await database.query(
    'CREATE TABLE customers (id int PRIMARY KEY, email text, updated_at timestamptz)',
  )
  await database.query(
    "INSERT INTO customers SELECT n, 'c' || n || '@example.com', now() FROM generate_series(1, 1000) n",
  )
  await database.query('CREATE TABLE notes (body text)')
  await database.query("INSERT INTO notes VALUES ('a'), ('b'), (NULL)")
}

async function countOf(database: TestDatabase, table: string): Promise<unknown> {
  const [row] = await database.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM copy.${table}`,
  )
  return row
}

function resultOf(end: CommandEnd): JsonEvent {
  const last = eventsOf(end).at(-1)
  if (last?.type !== 'result') throw new Error(`no result: ${JSON.stringify(end)}`)
  return last
}

/** Every error says what to do and where to read more, and no output ever shows the password. */
function expectGoodError(end: CommandEnd, database: TestDatabase): void {
  expect(end.stderr).toMatch(
    /error: .+ \[\w+\]\n +fix: +\S+.*\n(?: +also: .*\n)* +docs: docs\/errors\/\w+\.md/,
  )
  expectNoSecret(end, database)
}

function expectNoSecret({ stdout, stderr }: CommandEnd, database: TestDatabase): void {
  expect(stdout + stderr).not.toContain(database.address.password)
  expect(stdout + stderr).not.toMatch(/^\s+at .*\.ts:\d+/m)
}

describe.concurrent('a complete run', options, () => {
  test('copies every stream, says so on stderr, and ends with 0', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    await using file = await runFile(connection(shop))
    const end = await run(file.path, { env: env(shop) })
    expect(end).toMatchObject({ code: 0, stdout: '' })
    expect(end.stderr).toMatch(/complete +public\.customers +1,000 read, 1,000 loaded, 0 rejected/)
    expect(end.stderr).toMatch(/complete +public\.notes +3 read, 3 loaded, 0 rejected/)
    expect(end.stderr).toMatch(/run complete: 2 of 2 streams complete, 1,003 rows loaded, in /)
    expectNoSecret(end, shop)
    const [difference] = await shop.query(
      `SELECT count(*)::int AS rows FROM (
         (SELECT id, email, updated_at FROM public.customers EXCEPT ALL SELECT id, email, updated_at FROM copy.customers)
         UNION ALL (SELECT id, email, updated_at FROM copy.customers EXCEPT ALL SELECT id, email, updated_at FROM public.customers)) d`,
    )
    expect(difference).toEqual({ rows: 0 })
  })

  longTest(
    'of all streams names one that the source does not show any more, until its table is dropped',
    async () => {
      await using shop = await testDatabase()
      await createShop(shop)
      await using file = await runFile(connection(shop))
      expect(await runHere(file.path, { env: env(shop) })).toMatchObject({ code: 0 })
      await shop.query('DROP TABLE notes')
      const end = await runHere(file.path, { args: ['--json'], env: env(shop) })
      expect(end.code).toBe(0)
      const [warning = ''] = resultOf(end).warnings ?? []
      expect(warning).toMatch(
        /^The source no longer shows stream public\.notes.* drop "copy"\."notes"/,
      )
      expect(end.stderr).toContain(`\nwarning: ${warning}\nrun complete: 1 of 1 stream complete`)
      expect(end.stderr.split(warning)).toHaveLength(2)
      await shop.query('DROP TABLE copy.notes')
      const later = await runHere(file.path, { env: env(shop) })
      expect(later.stderr).not.toContain('warning:')
      // A choice of streams leaves the others out on purpose.
      await shop.query('CREATE TABLE copy.notes (body text)')
      await using chosen = await runFile(connection(shop, { streams: ['customers'] }))
      expect((await runHere(chosen.path, { env: env(shop) })).stderr).not.toContain('warning:')
    },
  )

  longTest('reads a stream from its beginning again if it is told to', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    await using file = await runFile(
      connection(shop, { streams: ['customers', 'notes'], defaults: { cursor_field: 'id' } }),
    )
    expect(await runHere(file.path, { env: env(shop) })).toMatchObject({ code: 0 })
    await shop.query(`TRUNCATE copy.customers; UPDATE customers SET email = 'new' WHERE id <= 10`)
    const warned = await runHere(file.path, { env: env(shop) })
    expect(warned.stderr).toContain('`reactor connect reset FILE --streams public.customers`')
    const wrong = await reset(file.path, { args: ['--streams', 'customer'], env: env(shop) })
    expect(wrong).toMatchObject({ code: 2, stdout: '' })
    expect(wrong.stderr).toMatch(/customer.*\[stream_not_found\][\s\S]*customers/)
    // Also of a stream whose table was dropped, and as often as one likes.
    await shop.query('DROP TABLE copy.notes')
    const args = ['--streams', 'public.customers', '--streams', '"notes"']
    const here = { environment: env(shop) }
    for (const options of [args, [...args, '--json']]) {
      const forgotten = await reactor(['connect', 'reset', file.path, ...options], here)
      expect(forgotten).toMatchObject({ code: 0, err: '' })
      expect(forgotten.out).toMatch(/public\.customers.*public\.notes/s)
    }
    const again = await runHere(file.path, { env: env(shop) })
    expect(again.code).toBe(0)
    expect(again.stderr).toMatch(/complete +public\.customers +1,000 read, 1,000 loaded/)
    const rows = await shop.query(
      `SELECT count(*)::int AS rows, count(*) FILTER (WHERE email = 'new')::int AS changed FROM copy.customers`,
    )
    expect(rows).toEqual([{ rows: 1000, changed: 10 }])
    const end = await runHere(file.path, { env: env(shop) })
    expect(end.stderr).toMatch(/complete +public\.customers +0 read, 0 loaded/)
    const range = [...['--streams', 'customers'], ...['--from', '11', '--to', '20']]
    for (const [more, verb] of [
      [['--dry-run'], 'would read'],
      [[], 'reads'],
    ] as const) {
      const asked = await reactor(['connect', 'reset', file.path, ...range, ...more], here)
      expect(asked.out).toBe(
        `shop: the next run ${verb} the rows of public.customers with id from 11 to 20 again; they are merged by their key, and the position stays\n`,
      )
    }
    const ranged = await runHere(file.path, { env: env(shop) })
    expect(ranged.stderr).toMatch(/complete +public\.customers +10 read, 10 loaded/)
    const bad = await reset(file.path, {
      args: ['--streams', 'customers', '--from', 'x'],
      env: env(shop),
    })
    expect(bad.stderr).toMatch(/"x" is no (integer|bigint).*\[stream_range_invalid\]/s)
    const all = await reactor(['connect', 'reset', file.path], here)
    expect(all.out).toMatch(/^shop: the checkpoints of .*customers.* are forgotten/)
    const before = await runHere(file.path, { env: env(shop) })
    expect(before.stderr).toMatch(/complete +public\.customers +1,000 read/)
  })

  longTest('copies streams whose names join to one text, and asks which is meant', async () => {
    await using shop = await testDatabase()
    await shop.query(`CREATE SCHEMA a; CREATE SCHEMA "a.b"`)
    await shop.query(`CREATE TABLE a."b.c" AS SELECT n AS id FROM generate_series(1, 20) n`)
    await shop.query(`CREATE TABLE "a.b".c AS SELECT n AS id FROM generate_series(1, 30) n`)
    const from = { source: { schemas: ['a', 'a.b'] } }
    await using file = await runFile(connection(shop, { ...from, streams: ['a."b.c"', '"a.b".c'] }))
    const end = await runHere(file.path, { env: env(shop) })
    expect(end).toMatchObject({ code: 0 })
    expect(end.stderr).toMatch(/complete +a\."b\.c" +20 read, 20 loaded/)
    expect(end.stderr).toMatch(/complete +"a\.b"\.c +30 read, 30 loaded/)
    expect(await countOf(shop, '"b.c"')).toEqual({ rows: 20, ids: 20 })
    expect(await countOf(shop, 'c')).toEqual({ rows: 30, ids: 30 })

    await using unclear = await runFile(connection(shop, { ...from, streams: ['a.b.c'] }))
    const refused = await runHere(unclear.path, { env: env(shop) })
    expect(refused.stderr).toContain('"a.b.c" may mean several streams')
    expect(refused.stderr).toContain('Write one of them: a."b.c" or "a.b".c.')
    expectGoodError(refused, shop)
  })

  test('writes one JSON object a line with --json, the result last', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    await using file = await runFile(connection(shop, { streams: ['customers'] }))
    const end = await run(file.path, { args: ['--json'], env: env(shop) })
    expect(end.code).toBe(0)
    const events = eventsOf(end)
    expect(events.slice(0, -1).every(({ type }) => type === 'progress')).toBe(true)
    expect(events.at(-1)).toMatchObject({
      type: 'result',
      status: 'complete',
      exit_code: 0,
      streams: [
        {
          name: 'customers',
          namespace: 'public',
          status: 'complete',
          read: 1_000,
          loaded: 1_000,
          rejected: 0,
          resumed: false,
          warnings: [],
        },
      ],
    })
    expectNoSecret(end, shop)
  })

  longTest('reads only what changed, with a cursor, when it is run again', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    await using file = await runFile(
      connection(shop, { streams: [{ name: 'customers', cursor_field: 'updated_at' }] }),
    )
    expect(await runHere(file.path, { env: env(shop) })).toMatchObject({ code: 0 })
    await shop.query(
      "UPDATE customers SET email = 'new', updated_at = now() + interval '1 minute' WHERE id = 7",
    )
    const end = await runHere(file.path, { args: ['--json'], env: env(shop) })
    expect(resultOf(end)).toMatchObject({ status: 'complete', streams: [{ loaded: 1 }] })
    expect(await shop.query("SELECT id FROM copy.customers WHERE email = 'new'")).toEqual([
      { id: 7 },
    ])
    expect(await countOf(shop, 'customers')).toEqual({ rows: 1_000, ids: 1_000 })
  })

  test('serves metrics while it goes on', async () => {
    await using warehouse = await testDatabase()
    await using file = await runFile(
      fakerConnection(warehouse, [{ name: 'users', rows: 200_000, rows_per_second: 20_000 }]),
    )
    const started = startRun(file.path, { args: ['--metrics-port', '0'], env: env(warehouse) })
    const [, url = ''] = await started.output('stderr', /metrics: (http:\S+)/)
    const text = await (await fetch(url)).text()
    expect(text).toContain('reactor_connect_reader_records_total')
    started.process.kill('SIGINT')
    expect(await started.end).toMatchObject({ code: 4 })
  })
})

describe.concurrent('a run with a transformation', options, () => {
  test('has a function of the file change and reject records, and shows its key nowhere', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    await using functions = await functionsServer(
      mapping(({ email, ...record }) =>
        email === 'c5@example.com'
          ? `spam, and the key is ${functionsKey}`
          : { ...record, email: String(email).toUpperCase() },
      ),
    )
    const streams = [{ name: 'customers', transform: 'function:clean' }]
    const service = { url: functions.url, api_key: '${FUNCTIONS_KEY}' }
    await using file = await runFile(connection(shop, { functions: service, streams }))
    const end = await runHere(file.path, { env: { ...env(shop), FUNCTIONS_KEY: functionsKey } })
    expect(end.code).toBe(3)
    expect(end.stderr).toMatch(/public\.customers +1,000 read, 999 loaded, 1 rejected/)
    expect(end.stderr).toContain('function:clean: spam, and the key is ***')
    expect(end.stdout + end.stderr).not.toContain(functionsKey)
    expect(
      await shop.query(
        'SELECT count(*)::int AS rows FROM copy.customers WHERE email = upper(email)',
      ),
    ).toEqual([{ rows: 999 }])
  })

  longTest('says where the file has the mistake if it names no Functions service', async () => {
    await using shop = await testDatabase()
    const streams = [{ name: 'customers', transform: 'function:clean' }]
    await using file = await runFile(connection(shop, { streams }))
    const end = await run(file.path, { env: env(shop) })
    expect(end.code).toBe(2)
    expect(end.stderr).toContain('streams[0].transform')
    expect(end.stderr).toContain('Add `functions` with its `url` and `api_key`')
    expectGoodError(end, shop)
  })
})

describe.concurrent('a run that cannot begin', options, () => {
  test('with wrong credentials of the source names the fix and ends with 1', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    await using file = await runFile(connection(shop))
    const end = await runHere(file.path, { env: { PG_PASSWORD: `x${shop.address.password}` } })
    expect(end.code).toBe(1)
    expect(end.stderr).toMatch(/password/)
    expectGoodError(end, shop)
  })

  longTest('with wrong credentials of the destination names the fix and ends with 1', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    await using file = await runFile(connection(shop, { destination: { password: '${WRONG}' } }))
    const end = await runHere(file.path, {
      env: { ...env(shop), WRONG: `x${shop.address.password}` },
    })
    expect(end.code).toBe(1)
    expectGoodError(end, shop)
  })

  longTest('with a destination that cannot be reached ends with 1', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    const port = await closedPort()
    await using file = await runFile(connection(shop, { destination: { port } }))
    const end = await runHere(file.path, { args: ['--json'], env: env(shop) })
    expect(end.code).toBe(1)
    expect(resultOf(end)).toMatchObject({ status: 'failed', exit_code: 1 })
    expect(resultOf(end).error?.message).toContain(String(port))
    expectGoodError(end, shop)
  })

  longTest('with a source that cannot be reached ends with 1, and may be tried again', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    const port = await closedPort()
    await using file = await runFile(connection(shop, { source: { port } }))
    const end = await runHere(file.path, { args: ['--json'], env: env(shop) })
    expect(end.code).toBe(1)
    expect(resultOf(end).error).toMatchObject({ code: 'source_unreachable' })
    expect(end.stdout).toContain('"failure_type":"transient_error"')
    expectGoodError(end, shop)
  })

  longTest('without a broker behind `log: kafka` ends with 1', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    const broker = `127.0.0.1:${String(await closedPort())}`
    await using file = await runFile(connection(shop, { log: { kafka: { brokers: [broker] } } }))
    const end = await runHere(file.path, { args: ['--json'], env: env(shop) })
    expect(end.code).toBe(1)
    expect(resultOf(end).error?.message).toContain(broker)
    expectGoodError(end, shop)
  })

  test('with a table that is missing says its line, suggests the nearest and loads the others', async () => {
    await using shop = await testDatabase()
    await createShop(shop)
    const document = JSON.stringify(connection(shop)).replace(
      /}$/,
      ',\n"streams": [\n"notes",\n"custmers"]}',
    )
    await using file = await runFile(document)
    const end = await run(file.path, { env: env(shop) })
    expect(end.code).toBe(3)
    expect(end.stderr).toContain(
      `${file.path}:4:1: streams[1]: the source has no stream "custmers"`,
    )
    expect(end.stderr).toContain('Did you mean `customers`?')
    expectGoodError(end, shop)
  })

  test('with a wrong file ends with 2 and contacts nobody', async () => {
    await using shop = await testDatabase()
    await using file = await runFile(connection(shop, { metdata: 'full' }))
    const end = await runHere(file.path, { args: ['--json'], env: env(shop) })
    expect(resultOf(end)).toMatchObject({
      status: 'failed',
      exit_code: 2,
      error: { code: 'run_file_invalid', suggested_fix: 'Did you mean `metadata`?' },
    })
    expect(end.code).toBe(2)
    expectGoodError(end, shop)
  })

  longTest('with a missing variable names it', async () => {
    await using shop = await testDatabase()
    await using file = await runFile(connection(shop))
    const end = await runHere(file.path)
    expect(end.code).toBe(2)
    expect(end.stderr).toContain('the environment variable PG_PASSWORD is not set')
  })

  longTest('with a wrong option ends with 2', async () => {
    const end = await run('shop.yaml', { args: ['--jsn'] })
    expect(end).toMatchObject({ code: 2, stdout: '' })
    expect(end.stderr).toContain('Did you mean --json?')
  })
})

describe.concurrent('a run that does not come to its end', options, () => {
  test('is partial with 3 when one stream fails and the others are complete', async () => {
    await using warehouse = await testDatabase()
    const streams = [
      { name: 'good', rows: 500 },
      { name: 'bad', rows: 500, state_every: 100, fail: { at_row: 250, kind: 'config_error' } },
    ]
    await using file = await runFile(fakerConnection(warehouse, streams))
    const end = await run(file.path, { args: ['--json'], env: env(warehouse) })
    expect(end.code).toBe(3)
    expect(resultOf(end)).toMatchObject({
      status: 'partial',
      exit_code: 3,
      streams: [
        { name: 'good', status: 'complete', loaded: 500 },
        { name: 'bad', status: 'failed', error: { code: 'simulated_config_error' } },
      ],
    })
    expectGoodError(end, warehouse)
  })

  test('stops at a checkpoint on Ctrl-C with 4, and the next run goes on from there', async () => {
    await using warehouse = await testDatabase()
    const rows = 40_000
    const streams = [
      { name: 'users', columns: 'narrow', rows, state_every: 500, rows_per_second: 8_000 },
    ]
    await using file = await runFile(
      fakerConnection(warehouse, streams, { limits: { commit_ms: 50 } }),
    )
    const started = startRun(file.path, { args: ['--json'], env: env(warehouse) })
    await started.output('stdout', /"loaded":[1-9]/)
    started.process.kill('SIGINT')
    const stopped = await started.end
    expect(stopped.code).toBe(4)
    expect(stopped.stderr).toContain('stopping at the next checkpoint')
    const loaded = resultOf(stopped).streams[0]?.loaded ?? 0
    expect(resultOf(stopped)).toMatchObject({ status: 'stopped', streams: [{ status: 'stopped' }] })
    expect(loaded).toBeGreaterThan(0)
    expect(loaded).toBeLessThan(rows)
    expect(await countOf(warehouse, 'users')).toEqual({ rows: loaded, ids: loaded })
    const resumed = await runHere(file.path, { args: ['--json'], env: env(warehouse) })
    expect(resumed.code).toBe(0)
    expect(resultOf(resumed)).toMatchObject({
      status: 'complete',
      streams: [{ loaded: rows - loaded, resumed: true }],
    })
    expect(await countOf(warehouse, 'users')).toEqual({ rows, ids: rows })
  })

  longTest('ends at once with 130 on a second Ctrl-C', async () => {
    await using warehouse = await testDatabase()
    const streams = [{ name: 'users', rows: 10_000, fail: { at_row: 100, kind: 'hang' } }]
    await using file = await runFile(fakerConnection(warehouse, streams))
    const started = startRun(file.path, { args: ['--json'], env: env(warehouse) })
    await started.output('stdout', /"status":"running"/)
    started.process.kill('SIGINT')
    await started.output('stderr', /press Ctrl-C again/)
    const pressing = setInterval(() => started.process.kill('SIGINT'), 100)
    try {
      expect(await started.end).toMatchObject({ code: 130 })
    } finally {
      clearInterval(pressing)
    }
  })

  longTest('stops at a checkpoint on Ctrl-C through npm', async () => {
    await using warehouse = await testDatabase()
    const streams = [
      { name: 'users', columns: 'narrow', rows: 40_000, state_every: 500, rows_per_second: 8_000 },
    ]
    await using file = await runFile(
      fakerConnection(warehouse, streams, { limits: { commit_ms: 50 } }),
    )
    const started = startRunThroughNpm(file.path, { args: ['--json'], env: env(warehouse) })
    await started.output('stdout', /"loaded":[1-9]/)
    // Does what a terminal does: it sends Ctrl-C to the whole group.
    process.kill(-(started.process.pid ?? Number.NaN), 'SIGINT')
    const stopped = await started.end
    expect(stopped).toMatchObject({ code: 4 })
    expect(stopped.stderr).toContain('stopping at the next checkpoint')
  })
})
