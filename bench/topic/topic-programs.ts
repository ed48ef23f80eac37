import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { javaCommand } from '../../test/kafka/java-and-jars.ts'
import { connectJars, type ConnectJars } from '../../test/kafka/connect/connect-jars.ts'
import type { BenchServer } from '../bench-server.ts'
import { builtProgram } from '../built-program.ts'
import { inWorkDir, measure, type Measured } from '../peers/program.ts'
import { benchTable } from '../replicate/source-table.ts'
import type { BenchTopics, MessageSample } from './bench-topics.ts'
import type { ConnectRun } from './connect-source.ts'

/** The partitions of every topic: the default of the destination. */
export const partitions = 6

export type TopicFormat = 'json' | 'avro'

export interface TopicBench {
  readonly bench: BenchServer
  readonly brokers: readonly string[]
  readonly topics: BenchTopics
}

/** One way to fill a topic with the rows of the table. */
export interface TopicProgram {
  readonly name: string
  readonly note: string
  readonly rows: number
  /** Fills the topic, which does not exist before, start-up included. */
  fill(topic: string): Promise<Measured>
}

/** As a user runs it, in a process of its own. */
export function engineProgram(
  { bench, brokers }: TopicBench,
  rows: number,
  format: TopicFormat,
): TopicProgram {
  return {
    name: `Reactor Connect, ${format}`,
    note: 'reactor connect run, embedded log, append, metadata minimal, keyed, transactions, zstd',
    rows,
    fill: (topic) =>
      inWorkDir(async (workDir) => {
        const file = join(workDir, 'run.yaml')
        // JSON is YAML.
        const document = {
          // A connection of its own each time: it begins with nothing.
          connection: topic,
          source: { type: 'postgres', config: { ...bench.server.address, schemas: ['public'] } },
          destination: {
            type: 'topic',
            config: { brokers: brokers.join(','), topic, partitions, format },
          },
          metadata: 'minimal',
          streams: [
            { name: benchTable, sync_mode: 'full_refresh', destination_sync_mode: 'append' },
          ],
        }
        await writeFile(file, JSON.stringify(document))
        const argv = [process.execPath, builtProgram, 'connect', 'run', file]
        return measure({ argv, environment: {} }, workDir)
      }),
  }
}

/** The producer of Kafka's own distribution, which makes nothing: it sends what it has. */
export function producerProgram(
  { brokers, topics }: TopicBench,
  options: {
    readonly rows: number
    readonly format: TopicFormat
    readonly sample: MessageSample
    readonly classpath: string
  },
): TopicProgram {
  const { rows, format, sample, classpath } = options
  const messageBytes = Math.round(sample.keyBytes + sample.valueBytes)
  return {
    name: `kafka-producer-perf-test, ${format}`,
    note: `${messageBytes} bytes a message, no key, no transaction, acks=all, ${producerNote}`,
    rows,
    fill: (topic) =>
      inWorkDir(async (workDir) => {
        await topics.create(topic, partitions)
        const payload = await payloadOf(workDir, { format, sample, messageBytes })
        const argv = [
          ...[javaCommand(), '-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'],
          ...['-cp', classpath, 'org.apache.kafka.tools.ProducerPerformance'],
          ...['--topic', topic, '--num-records', String(rows), '--throughput', '-1'],
          ...payload,
          ...['--producer-props', `bootstrap.servers=${brokers.join(',')}`, ...producerSettings],
        ]
        return measure({ argv, environment: {} }, workDir)
      }),
  }
}

const producerSettings = [
  'acks=all',
  'linger.ms=10',
  'batch.size=262144',
  'buffer.memory=134217728',
  'compression.type=lz4',
]
const producerNote = 'linger.ms=10, batch.size=256 KiB, lz4'

/**
 * Values in JSON as they are, padded to the size with their key; in Avro, whose bytes no file of lines can
 * hold, letters of the same size.
 */
async function payloadOf(
  workDir: string,
  {
    format,
    sample,
    messageBytes,
  }: {
    readonly format: TopicFormat
    readonly sample: MessageSample
    readonly messageBytes: number
  },
): Promise<readonly string[]> {
  if (format === 'avro') return ['--record-size', String(messageBytes)]
  const file = join(workDir, 'payload')
  const padding = ' '.repeat(Math.round(sample.keyBytes))
  await writeFile(file, sample.values.map((value) => `${value.toString()}${padding}\n`).join(''))
  return ['--payload-file', file]
}

/** Debezium's snapshot of the table. */
export async function debeziumProgram(
  context: TopicBench,
  { rows, cacheDir }: { readonly rows: number; readonly cacheDir: string },
): Promise<TopicProgram> {
  const jars = await connectJars(['postgres'], cacheDir)
  const source = new URL(context.bench.sourceUrl)
  return {
    name: 'Debezium 3.3.1',
    note: 'its PostgreSQL source in Kafka Connect, the snapshot, JSON without schemas, lz4',
    rows,
    fill: async (topic) => {
      const name = topic.replaceAll('-', '_')
      const measured = await connectSource(context, jars, {
        topic,
        messages: rows,
        heap: '1g',
        config: {
          'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
          'tasks.max': '1',
          'plugin.name': 'pgoutput',
          'database.hostname': source.hostname,
          'database.port': source.port,
          'database.user': source.username,
          'database.password': decodeURIComponent(source.password),
          'database.dbname': source.pathname.slice(1),
          'topic.prefix': name,
          'table.include.list': `public.${benchTable}`,
          'slot.name': name,
          'publication.name': name,
          'publication.autocreate.mode': 'filtered',
          'snapshot.mode': 'initial',
          'snapshot.fetch.size': '10240',
          'max.batch.size': '16384',
          'max.queue.size': '65536',
          'poll.interval.ms': '10',
          // One topic, of the benchmark's name.
          transforms: 'route',
          'transforms.route.type': 'org.apache.kafka.connect.transforms.RegexRouter',
          'transforms.route.regex': '.*',
          'transforms.route.replacement': topic,
        },
      })
      await forgetSlot(context.bench, name)
      return measured
    },
  }
}

/** The server notices in its own time that the slot's reader is gone. */
async function forgetSlot(bench: BenchServer, name: string): Promise<void> {
  await bench.source(
    `SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = '${name}' AND active_pid IS NOT NULL`,
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${name}'`,
    `DROP PUBLICATION IF EXISTS ${name}`,
  )
}

/** It reads all rows into memory before it sends the first one. */
const mostCamelRows = 200_000

/** A source for JDBC: Camel's component for SQL, as a source of Kafka Connect. */
export async function camelProgram(
  context: TopicBench,
  { rows, cacheDir }: { readonly rows: number; readonly cacheDir: string },
): Promise<TopicProgram> {
  const jars = await connectJars(['camel-sql'], cacheDir)
  const source = new URL(context.bench.sourceUrl)
  const messages = Math.min(rows, mostCamelRows)
  return {
    name: 'Camel 3.11 SQL source',
    note: `Apache Camel's SQL component over JDBC in Kafka Connect, JSON, lz4, ${messages.toLocaleString('en')} rows`,
    rows: messages,
    fill: (topic) =>
      connectSource(context, jars, {
        topic,
        messages,
        heap: '3g',
        config: {
          'connector.class': 'org.apache.camel.kafkaconnector.CamelSourceConnector',
          'tasks.max': '1',
          topics: topic,
          'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
          'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
          'camel.source.url': `sql:select * from ${benchTable} limit ${String(messages)}?dataSource=#bean:bench&repeatCount=1&initialDelay=0`,
          'camel.source.marshal': 'json-jackson',
          'camel.source.maxBatchPollSize': '10000',
          'camel.source.maxNotCommittedRecords': '65536',
          'camel.source.pollingConsumerQueueSize': '65536',
          // Between the two it has a queue that loses messages that do not fit, unless it is configured to
          // wait.
          'camel.component.seda.defaultBlockWhenFull': 'true',
          'camel.component.seda.queueSize': '65536',
          'camel.beans.bench': '#class:org.postgresql.ds.PGSimpleDataSource',
          'camel.beans.bench.url': `jdbc:postgresql://${source.host}${source.pathname}`,
          'camel.beans.bench.user': source.username,
          'camel.beans.bench.password': decodeURIComponent(source.password),
        },
      }),
  }
}

const connectScript = new URL('connect-source.ts', import.meta.url).pathname

async function connectSource(
  { brokers, topics }: TopicBench,
  jars: ConnectJars,
  run: Pick<ConnectRun, 'topic' | 'messages' | 'heap' | 'config'>,
): Promise<Measured> {
  return inWorkDir(async (workDir) => {
    await topics.create(run.topic, partitions)
    const settings: ConnectRun = { ...run, ...jars, brokers: brokers.join(','), workDir }
    return measure(
      {
        argv: [process.execPath, connectScript],
        environment: { CONNECT_RUN: JSON.stringify(settings) },
      },
      workDir,
    )
  })
}
