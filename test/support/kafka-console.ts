import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import type { TestContext } from 'vitest'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { javaAndJars, missingForJava } from '../kafka/java-and-jars.ts'

/**
 * Kafka's own consumer and producer of the console, from the jars that the broker comes in: clients that
 * share no code with ours. They need Java and Maven. If the tests get their broker in another way, they can
 * do without these tests.
 */
export function skipWithoutKafkaConsole(context: TestContext): void {
  const missing = missingForJava()
  context.skip(missing !== undefined, `Kafka's own clients cannot be started: ${missing ?? ''}`)
}

export interface ConsumedMessage {
  readonly partition: number
  readonly offset: number
  readonly headers: ReadonlyMap<string, string>
  readonly key: Buffer | null
  readonly value: Buffer
}

const limitMs = 60_000
const bytes = 'org.apache.kafka.common.serialization.BytesDeserializer'
/** How an absent key is printed: no key of ours, which are JSON or digits, reads like this. */
const nullLiteral = 'absent'

/** Everything in a topic that a read_committed consumer sees. */
export async function consumeTopic(
  brokers: readonly string[],
  topic: string,
): Promise<ConsumedMessage[]> {
  const group = `console-${randomBytes(6).toString('hex')}`
  const consumer = await startConsole('consumer.ConsoleConsumer', [
    ...['--bootstrap-server', brokers.join(','), '--topic', topic, '--group', group],
    ...['--from-beginning', '--isolation-level', 'read_committed'],
    ...['--consumer-property', 'auto.commit.interval.ms=100'],
    ...formatterProperties({
      'print.partition': true,
      'print.offset': true,
      'print.headers': true,
      'print.key': true,
      'key.deserializer': bytes,
      'value.deserializer': bytes,
      'null.literal': nullLiteral,
    }),
  ])
  try {
    await consumedToTheEnd(brokers, { topic, group, consumer: consumer.process })
  } finally {
    // It prints what it holds, and ends.
    consumer.process.kill('SIGTERM')
  }
  return linesOf(await consumer.output).map((line) => messageIn(line))
}

/**
 * Writes messages of the form `key:value`, or with another separator, each with the headers (`name:value,…`),
 * compressed with the codec.
 */
export async function produceLines(
  brokers: readonly string[],
  message: {
    readonly topic: string
    readonly codec: string
    readonly headers: string
    readonly lines: readonly string[]
    readonly keySeparator?: string
  },
): Promise<void> {
  const producer = await startConsole('ConsoleProducer', [
    ...['--bootstrap-server', brokers.join(','), '--topic', message.topic],
    ...['--compression-codec', message.codec],
    ...formatterProperties({
      'parse.key': true,
      'key.separator': message.keySeparator ?? ':',
      'parse.headers': true,
    }),
  ])
  producer.process.stdin?.end(message.lines.map((line) => `${message.headers}\t${line}\n`).join(''))
  await producer.output
}

interface Console {
  readonly process: ChildProcess
  /** The printed output, when the process has ended; rejects if it fails. */
  readonly output: Promise<string>
}

async function startConsole(tool: string, args: readonly string[]): Promise<Console> {
  const { java, classpath } = await javaAndJars()
  const quickStart = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx256m']
  const child = spawn(
    java,
    [...quickStart, '-cp', classpath, `org.apache.kafka.tools.${tool}`, ...args],
    { timeout: limitMs, killSignal: 'SIGKILL' },
  )
  const printed = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text
    })
  }
  const output = once(child, 'close').then(([code, signal]) => {
    // Ended by a SIGTERM of ours, a JVM exits with 143.
    if (code === 0 || code === 143) return printed.stdout
    throw new Error(`${tool} ended with ${String(code ?? signal)}: ${printed.stderr}`)
  })
  output.catch(() => undefined)
  return { process: child, output }
}

/** Resolves when the group has committed the end of each partition: it commits what it has printed. */
async function consumedToTheEnd(
  brokers: readonly string[],
  target: { readonly topic: string; readonly group: string; readonly consumer: ChildProcess },
): Promise<void> {
  calmRequestQueues()
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = client.admin()
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets(target.topic)
    const deadline = Date.now() + limitMs
    while (target.consumer.exitCode === null && target.consumer.signalCode === null) {
      if (await hasCommitted(admin, target, ends)) return
      if (Date.now() > deadline)
        throw new Error(`the consumer did not reach the end of ${target.topic}`)
      await delay(50)
    }
  } finally {
    await admin.disconnect()
  }
}

async function hasCommitted(
  admin: Admin,
  { topic, group }: { readonly topic: string; readonly group: string },
  ends: readonly { readonly partition: number; readonly high: string }[],
): Promise<boolean> {
  const [committed] = await admin
    .fetchOffsets({ groupId: group, topics: [topic] })
    .catch((error: unknown) => {
      // A broker that has just started still loads its groups.
      if (error instanceof kafkajs.KafkaJSError && error.retriable) return []
      throw error
    })
  const offsets = new Map(committed?.partitions.map(({ partition, offset }) => [partition, offset]))
  return ends.every(({ partition, high }) => Number(offsets.get(partition) ?? 0) >= Number(high))
}

function formatterProperties(properties: Readonly<Record<string, string | boolean>>): string[] {
  return Object.entries(properties).flatMap(([name, value]) => [
    '--property',
    `${name}=${String(value)}`,
  ])
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

/** `Partition:0<TAB>Offset:0<TAB>name:value,name:value<TAB>KEY<TAB>VALUE`. */
function messageIn(line: string): ConsumedMessage {
  const [partition = '', offset = '', headers = '', key = '', value = ''] = line.split('\t')
  return {
    partition: Number(partition.slice('Partition:'.length)),
    offset: Number(offset.slice('Offset:'.length)),
    headers: new Map(headers.split(',').map((header) => headerIn(header))),
    key: key === nullLiteral ? null : unescaped(key),
    value: unescaped(value),
  }
}

function headerIn(text: string): [string, string] {
  const colon = text.indexOf(':')
  return [text.slice(0, colon), text.slice(colon + 1)]
}

/** Undoes Kafka's way to print bytes: ASCII as it is, anything else as `\xHH`. */
function unescaped(text: string): Buffer {
  const parts = text.split(String.raw`\x`)
  return Buffer.from(
    parts
      .map((part, index) =>
        index === 0 ? part : String.fromCharCode(parseInt(part.slice(0, 2), 16)) + part.slice(2),
      )
      .join(''),
    'latin1',
  )
}
