import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import {
  finishEngine,
  killEngineWhen,
  startEngine,
  type EngineEvent,
} from '../support/engine-process.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { newFolder } from '../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { builtProgram } from '../support/program.ts'
import { longTest } from '../support/long.ts'

type ReportedStream = EngineEvent['streams'][number]
type Tables = Readonly<Record<string, 'append' | 'append_dedup'>>

const connection = 'untold'

/**
 * A run file for tables of the schema `src` with these modes, and for the table `slow`, whose load takes a
 * minute.
 */
async function runFile(db: TestDatabase, tables: Tables): Promise<string> {
  const { ssl, ...address } = db.address
  const file = join(await newFolder('untold'), 'run.yaml')
  const streams = Object.entries(tables).map(([name, mode]) => ({
    name,
    sync_mode: 'full_refresh',
    destination_sync_mode: mode,
    primary_key: ['id'],
  }))
  await writeFile(
    file,
    JSON.stringify({
      connection,
      // `jsonb` takes no U+0000: with `json`, the source's own type, nothing is cut.
      types: 'portable',
      source: { type: 'postgres', config: { ...address, ssl, schemas: ['src'] } },
      destination: { type: 'postgres', config: { ...address, ssl, schema: 'dest' } },
      streams,
    }),
  )
  return file
}

/** Tables of the source with ten rows each, each with a value that is cut. */
async function source(db: TestDatabase, ...names: readonly string[]): Promise<void> {
  await db.query('CREATE SCHEMA src; CREATE SCHEMA dest')
  for (const name of names)
    await db.query(
      `CREATE TABLE src.${name} (id int PRIMARY KEY, doc json);
       INSERT INTO src.${name} SELECT n, '{"a":"x\\u0000y"}' FROM generate_series(1, 10) n`,
    )
}

/** Loads of `slow` wait until the trigger is dropped. */
async function slowDown(db: TestDatabase): Promise<void> {
  await db.query('CREATE TABLE dest.slow (id bigint, doc jsonb)')
  await slowInserts(db, 'slow', 60)
}

async function slowInserts(db: TestDatabase, table: string, seconds: number): Promise<void> {
  await db.query(
    `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(${String(seconds)}); RETURN NULL; END';
     CREATE TRIGGER wait AFTER INSERT ON dest.${table} FOR EACH STATEMENT EXECUTE FUNCTION wait()`,
  )
}

/** Condition: a start has completed the stream, and runs on. */
function isComplete(db: TestDatabase, name: string): () => Promise<boolean> {
  return async () => {
    const [table] = await db.query(
      `SELECT to_regclass('reactor_connect.streams') IS NOT NULL AS is`,
    )
    if (table?.is !== true) return false
    const rows = await db.query(
      'SELECT FROM reactor_connect.streams WHERE name = $1 AND complete',
      [name],
    )
    return rows.length > 0
  }
}

/** Kills the engine once it has completed stream t, and lets `slow` be loaded. */
async function killAfterT(db: TestDatabase, file: string): Promise<void> {
  await killEngineWhen(file, isComplete(db, 't'))
  // The server does not notice that the client of a statement that sleeps is gone.
  await db.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'reactor-connect'`,
  )
  await db.query('DROP TRIGGER wait ON dest.slow')
}

function streamOf({ streams }: EngineEvent, wanted: string): ReportedStream {
  const stream = streams.find(({ name }) => name === wanted)
  if (stream === undefined) throw new Error(`the result has no stream ${wanted}`)
  return stream
}

const counted = z.object({
  loaded: z.number(),
  cut: z.number(),
  before: z.object({ loaded: z.number(), cut: z.number() }),
})
type Counted = z.infer<typeof counted>

/**
 * Runs such a run file in this process and returns what the run reports of stream t. A process takes ten
 * times the processor time.
 */
async function reportedNext(db: TestDatabase, mode: Tables[string]): Promise<Counted> {
  const plan = await planRun({
    connection,
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: logConfig('embedded'),
    mode,
    streams: ['t'],
  })
  const { result } = await runPlan(plan)
  expect(result.status).toBe('complete')
  return counted.parse(result.streams[0])
}

test('what a killed start merged is told by the next one, which reads the stream from its beginning', async () => {
  await using db = await testDatabase()
  await source(db, 't', 'slow')
  await slowDown(db)
  const file = await runFile(db, { t: 'append_dedup', slow: 'append_dedup' })
  await killAfterT(db, file)
  await db.query('DELETE FROM src.t WHERE id > 1')
  const reported = streamOf(await finishEngine(file), 't')
  expect(reported).toMatchObject({ loaded: 1, cut: 1, before: { loaded: 10, cut: 10 } })
  expect(reported.warnings).toEqual([
    expect.stringMatching(/^11 values were shortened, 10 of them in an earlier start/),
  ])
  expect(await reportedNext(db, 'append_dedup')).toMatchObject({ before: { loaded: 0 } })
})

longTest('what a killed start appended is told by the next run that has the stream', async () => {
  await using db = await testDatabase()
  await source(db, 't', 'slow')
  await slowDown(db)
  await killAfterT(db, await runFile(db, { t: 'append', slow: 'append' }))
  await finishEngine(await runFile(db, { slow: 'append' }))
  expect([await reportedNext(db, 'append'), await reportedNext(db, 'append')]).toEqual([
    { loaded: 10, cut: 10, before: { loaded: 10, cut: 10 } },
    { loaded: 10, cut: 10, before: { loaded: 0, cut: 0 } },
  ])
  expect(await db.query('SELECT count(*)::int AS n FROM dest.t')).toEqual([{ n: 30 }])
})

/** The next run reports this run's counts of the stream only if this run's result did not get out. */
function mergingFile(db: TestDatabase): Promise<string> {
  return runFile(db, { t: 'append_dedup' })
}

function mergedNext(db: TestDatabase): Promise<Counted> {
  return reportedNext(db, 'append_dedup')
}

/** Resolves when the text stands in what the process writes to standard output, which is read on. */
function printed(engine: ChildProcess, text: string): Promise<void> {
  let output = ''
  return new Promise((resolve, reject) => {
    engine.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(text)) resolve()
    })
    engine.once('close', () => {
      reject(new Error(`the process ended with the output ${output}`))
    })
  })
}

/**
 * A run whose destination cannot note its end: somebody holds the row of the connection. The first run makes
 * the bookkeeping.
 */
async function heldAtEnd(
  db: TestDatabase,
  file: string,
): Promise<{ readonly engine: ChildProcess; readonly holder: DestinationSession }> {
  expect(await mergedNext(db)).toMatchObject({ loaded: 10, before: { loaded: 0 } })
  // There is time to lock before it ends.
  await slowInserts(db, 't', 2)
  const engine = startEngine(file)
  await expect
    .poll(() => db.query('SELECT FROM reactor_connect.runs WHERE start = 2'), { timeout: 20_000 })
    .toHaveLength(1)
  const holder = await DestinationSession.open({ address: db.address })
  await holder.run('BEGIN; SELECT FROM reactor_connect.runs FOR UPDATE')
  return { engine, holder }
}

test('the result is printed before the destination forgets it, so that a kill in between leaves it to the next run', async () => {
  await using db = await testDatabase()
  await source(db, 't')
  const file = await mergingFile(db)
  const { engine, holder } = await heldAtEnd(db, file)
  await using held = holder
  const exited = once(engine, 'exit')
  await printed(engine, '"type":"result"')
  engine.kill('SIGKILL')
  await exited
  await held.rollback()
  expect(await mergedNext(db)).toMatchObject({ loaded: 10, before: { loaded: 10, cut: 10 } })
  expect(await mergedNext(db)).toMatchObject({ loaded: 10, before: { loaded: 0, cut: 0 } })
})

longTest(
  'a destination that does not note the end holds the command up for ten seconds at most',
  async () => {
    await using db = await testDatabase()
    await source(db, 't')
    const file = await mergingFile(db)
    const { engine, holder } = await heldAtEnd(db, file)
    await using held = holder
    const exited = once(engine, 'exit')
    await printed(engine, '"type":"result"')
    const printedMs = performance.now()
    expect(await exited).toEqual([0, null])
    const waitedMs = performance.now() - printedMs
    expect(waitedMs).toBeGreaterThan(9_000)
    expect(waitedMs).toBeLessThan(15_000)
    await held.rollback()
    expect(await mergedNext(db)).toMatchObject({ before: { loaded: 10, cut: 10 } })
  },
)

longTest('a result that nobody could read is told by the next run', async () => {
  await using db = await testDatabase()
  await source(db, 't')
  const file = await mergingFile(db)
  const engine = spawn(process.execPath, [builtProgram(), 'connect', 'run', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  engine.stderr.destroy()
  expect(await once(engine, 'exit')).toEqual([0, null])
  expect(await mergedNext(db)).toMatchObject({ before: { loaded: 10, cut: 10 } })
  expect(await mergedNext(db)).toMatchObject({ before: { loaded: 0, cut: 0 } })
})

longTest('a result whose reader goes away at once was told', async () => {
  await using db = await testDatabase()
  await source(db, 't')
  const file = await mergingFile(db)
  const engine = startEngine(file)
  const exited = once(engine, 'exit')
  await printed(engine, '"type":"result"')
  engine.stdout?.destroy()
  expect(await exited).toEqual([0, null])
  expect(await mergedNext(db)).toMatchObject({ before: { loaded: 0, cut: 0 } })
})
