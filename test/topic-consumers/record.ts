import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { startServer, type ServerDatabase } from '../chaos/servers.ts'
import { startKafkaBroker } from '../kafka/broker.ts'
import { buildProgram } from '../support/program.ts'
import { seededRandom } from '../support/random.ts'
import { readTopic } from '../support/read-topic.ts'
import { runFile } from '../support/run-file.ts'
import {
  changeRows,
  createShop,
  insertRows,
  setPause,
  shopRunFile,
  shopStreams,
  topicOf,
} from './stream-shop.ts'
import { printedRows } from './table-rows.ts'
import { createTopic, endsOf } from './topic-offsets.ts'

/**
 * `node test/topic-consumers/record.ts [DIR]`: runs the program over a shop that changes, kills it twice on
 * the way, and writes the bytes of the topics and the rows of the tables into test/fixtures/topics.
 */
const folder = process.argv[2] ?? join(import.meta.dirname, '../fixtures/topics')
const connections = [
  { name: 'recorded_block', framing: 'block', deletes: 'hard' },
  { name: 'recorded_record', framing: 'record', deletes: 'soft' },
] as const
const topics = connections.flatMap(({ name }) => shopStreams.map((s) => topicOf(name, s.name)))

await using server = await startServer()
await using broker = await startKafkaBroker({ isShortLived: true })
await using source = await server.database('shop')
await using destination = await server.database('warehouse')
const program = await buildProgram()
await using files = new AsyncDisposableStack()
// Records of more than 75 kB are rejected, and partitions are added.
for (const topic of topics) await createTopic(broker.brokers, topic, 600_000)
const paths = await writeRunFiles()
await recordHistory(source)
await mkdir(folder, { recursive: true })
for (const name of await readdir(folder)) if (name.includes('.jsonl')) await rm(join(folder, name))
for (const topic of [...topics, 'connect.schemas', 'connect.states']) await writeMessages(topic)
for (const { name } of connections)
  for (const stream of shopStreams) await writeTable(name, stream.name)

async function writeRunFiles(): Promise<readonly string[]> {
  const reader = { user: 'reader', password: 'reader' }
  await createShop(source, reader)
  const documents = connections.map((connection) =>
    shopRunFile({
      ...connection,
      ...{ reader, brokers: broker.brokers },
      source: source.address,
      destination: destination.address,
    }),
  )
  const written = await Promise.all(documents.map(async (document) => runFile(document)))
  return written.map((file) => files.use(file).path)
}

/** Five runs. Two are killed on the way; columns come, go and change their type between them. */
async function recordHistory({ query }: ServerDatabase): Promise<void> {
  const random = seededRandom(7)
  const tables = shopStreams.map(({ name }) => name)
  for (const table of tables) await insertRows({ query }, table, 70)
  for (const table of ['events', 'orders']) await insertRows({ query }, table, 60)
  await killedOnTheWay()
  await run()
  await changeRows({ query }, random, 25)
  for (const table of tables)
    await query(`
      ALTER TABLE ${table} ADD COLUMN "note.1" text, ALTER COLUMN small TYPE bigint;
      UPDATE ${table} SET "note.1" = 'n' || id, small = id, updated_at = clock_timestamp() WHERE id % 9 = 0`)
  await run()
  await changeRows({ query }, random, 25)
  await killedOnTheWay()
  for (const table of tables)
    await query(`
      ALTER TABLE ${table} DROP COLUMN "note.1", ALTER COLUMN small TYPE numeric;
      UPDATE ${table} SET small = 0.5, updated_at = clock_timestamp() WHERE id % 11 = 0;
      UPDATE ${table} SET body = repeat('x', 150000), updated_at = clock_timestamp() WHERE id = (SELECT min(id) FROM ${table})`)
  await run()
  await changeRows({ query }, random, 25)
  await run()
}

async function run(): Promise<void> {
  for (const path of paths) {
    const engine = startRun(path)
    await once(engine, 'close')
    // 3: records were rejected.
    if (engine.exitCode !== 0 && engine.exitCode !== 3)
      throw new Error(`the run ended with ${String(engine.exitCode)}`)
  }
}

/** Rows are read slowly, and the run is killed once every topic has grown by a unit. */
async function killedOnTheWay(): Promise<void> {
  await setPause(source, 30)
  for (const [index, path] of paths.entries()) {
    const own = topics.slice(index * shopStreams.length, (index + 1) * shopStreams.length)
    const before = await sizes(own)
    const engine = startRun(path)
    const closed = once(engine, 'close')
    while (engine.exitCode === null && !(await haveGrown(own, before))) await delay(10)
    engine.kill('SIGKILL')
    await closed
    process.stdout.write(`killed: ${String(engine.signalCode)}\n`)
  }
  await setPause(source, 0)
}

async function haveGrown(own: readonly string[], before: readonly number[]): Promise<boolean> {
  const now = await sizes(own)
  return now.filter((size, index) => size - (before[index] ?? 0) >= 6).length >= 4
}

async function sizes(own: readonly string[]): Promise<readonly number[]> {
  return Promise.all(
    own.map(async (topic) => {
      const ends = await endsOf(broker.brokers, topic)
      return [...ends.values()].reduce((sum, end) => sum + end, 0)
    }),
  )
}

function startRun(path: string): ReturnType<typeof spawn> {
  return spawn(process.execPath, [program, 'connect', 'run', path], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH },
  })
}

/** One message a line, as a read_committed reader gets it. */
async function writeMessages(topic: string): Promise<void> {
  const messages = await readTopic(topic, broker.brokers)
  const lines = messages.map(({ partition, offset, headers, key, value }) =>
    JSON.stringify({
      ...{ partition, offset: Number(offset), headers: Object.fromEntries(headers) },
      ...{ key: key?.toString('base64') ?? null, value: value?.toString('base64') ?? null },
    }),
  )
  await writeLines(topic, lines)
  process.stdout.write(`${topic}: ${lines.length} messages\n`)
}

async function writeTable(schema: string, name: string): Promise<void> {
  const lines = (await printedRows(destination, { schema, name })).toSorted()
  await writeLines(`${topicOf(schema, name)}.table`, lines)
}

async function writeLines(name: string, lines: readonly string[]): Promise<void> {
  const bytes = gzipSync(`${lines.join('\n')}\n`, { level: 9 })
  await writeFile(join(folder, `${name}.jsonl.gz`), bytes)
}
