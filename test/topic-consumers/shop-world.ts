import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { PostgresAddress } from '../support/postgres.ts'
import { runFile } from '../support/run-file.ts'
import { createShop, insertRows, shopRunFile, shopStreams, topicOf } from './stream-shop.ts'
import type { Database } from './table-rows.ts'
import { createTopic } from './topic-offsets.ts'

type AddressedDatabase = Database & { readonly address: PostgresAddress }

export interface WorldOptions {
  readonly brokers: readonly string[]
  /** The file of `reactor`. */
  readonly program: string
  readonly source: AddressedDatabase
  readonly destination: AddressedDatabase
}

export interface ShopConnection {
  readonly name: string
  /** The path of its run file. */
  readonly file: string
}

/** A shop, and two connections that read it through Kafka into the destination, one for each framing. */
export interface ShopWorld extends AsyncDisposable {
  readonly prefix: string
  readonly connections: readonly ShopConnection[]
  readonly topics: readonly string[]
  /** Runs both connections; rejects unless all of their streams are complete. */
  run(): Promise<void>
  /** Begins to run both, and kills them with SIGKILL. */
  killedRun(afterMs: number): Promise<void>
}

/** A message may have 512 KiB less than this: a body of the shop that is larger is rejected. */
const smallMessageBytes = 600_000

const result = z.object({
  type: z.literal('result'),
  streams: z.array(z.object({ name: z.string(), status: z.string() })),
})

/** The tables are small first, so that their topics have one partition, and get more. */
export async function openShopWorld(options: WorldOptions): Promise<ShopWorld> {
  const { brokers, source, destination } = options
  const prefix = `t${randomBytes(4).toString('hex')}`
  const reader = { user: `reader_${prefix}`, password: randomBytes(8).toString('hex') }
  await createShop(source, reader)
  for (const { name } of shopStreams) await insertRows(source, name, 100)
  await using files = new AsyncDisposableStack()
  const connections: ShopConnection[] = []
  for (const [framing, deletes] of [
    ['block', 'hard'],
    ['record', 'soft'],
  ] as const) {
    const name = `${prefix}_${framing}`
    const document = shopRunFile({
      ...{ name, framing, deletes, reader, brokers },
      ...{ source: source.address, destination: destination.address },
    })
    connections.push({ name, file: files.use(await runFile(document)).path })
  }
  const topics = connections.flatMap(({ name }) => shopStreams.map((s) => topicOf(name, s.name)))
  for (const topic of topics) await createTopic(brokers, topic, smallMessageBytes)
  const opened = files.move()
  return {
    ...{ prefix, connections, topics },
    run: async () => {
      await Promise.all(connections.map((connection) => run(options, connection)))
    },
    killedRun: async (afterMs) => {
      await Promise.all(connections.map((connection) => killedRun(options, connection, afterMs)))
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function run(options: WorldOptions, connection: ShopConnection): Promise<void> {
  const engine = startEngine(options, connection)
  let out = ''
  let err = ''
  engine.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text))
  engine.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
  await once(engine, 'close')
  const { success, data } = result.safeParse(JSON.parse(out.trim().split('\n').at(-1) ?? '{}'))
  if (success && data.streams.every(({ status }) => status === 'complete')) return
  throw new Error(`the run of ${connection.name} failed:\n${err.slice(-4_000)}${out.slice(-4_000)}`)
}

async function killedRun(
  options: WorldOptions,
  connection: ShopConnection,
  afterMs: number,
): Promise<void> {
  const engine = startEngine(options, connection)
  for (const stream of [engine.stdout, engine.stderr]) stream?.resume()
  const closed = once(engine, 'close')
  await Promise.race([delay(afterMs), closed])
  engine.kill('SIGKILL')
  await closed
}

function startEngine({ program }: WorldOptions, { file }: ShopConnection): ChildProcess {
  return spawn(process.execPath, [program, 'connect', 'run', file, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  })
}
