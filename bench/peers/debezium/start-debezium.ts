import { spawn, type ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface DebeziumOptions {
  /** Its files are there, and its offsets. */
  readonly folder: string
  /** `host:port,…` */
  readonly brokers: string
  readonly classpath: string
  readonly pluginPath: string
  readonly sourceUrl: string
  readonly targetUrl: string
  /** With its schema, which is also the end of the topic's name. */
  readonly table: string
  readonly target: string
  /** New for each run: of the topic, the slot and the publication. */
  readonly name: string
  /** More settings of the source and of the sink. */
  readonly source?: Readonly<Record<string, string>>
  readonly sink?: Readonly<Record<string, string>>
}

/** Kafka Connect in one process with Debezium's source and its JDBC sink, for one table. */
export async function startDebezium(options: DebeziumOptions): Promise<ChildProcess> {
  const { folder, brokers, classpath, pluginPath, table, target, name } = options
  const source = new URL(options.sourceUrl)
  const warehouse = new URL(options.targetUrl)
  const write = async (file: string, text: string): Promise<string> => {
    const path = join(folder, file)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  const worker = [
    `bootstrap.servers=${brokers}`,
    `key.converter=${json}`,
    `value.converter=${json}`,
    `offset.storage.file.filename=${join(folder, 'offsets')}`,
    'offset.flush.interval.ms=5000',
    `plugin.path=${pluginPath}`,
    'plugin.discovery=service_load',
    'listeners=http://127.0.0.1:0',
    'connector.client.config.override.policy=All',
  ]
  const sourceConfig = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'plugin.name': 'pgoutput',
    'database.hostname': source.hostname,
    'database.port': source.port,
    'database.user': source.username,
    'database.password': decodeURIComponent(source.password),
    'database.dbname': source.pathname.slice(1),
    'topic.prefix': name,
    'table.include.list': table,
    'slot.name': name,
    'publication.name': name,
    'publication.autocreate.mode': 'filtered',
    'snapshot.mode': 'initial',
    'max.batch.size': '8192',
    'max.queue.size': '32768',
    'poll.interval.ms': '50',
    'topic.creation.default.replication.factor': '1',
    'topic.creation.default.partitions': '1',
    ...options.source,
  }
  const sinkConfig = {
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    topics: `${name}.${table}`,
    'connection.url': `jdbc:postgresql://${warehouse.host}${warehouse.pathname}?reWriteBatchedInserts=true`,
    'connection.username': warehouse.username,
    'connection.password': decodeURIComponent(warehouse.password),
    'insert.mode': 'upsert',
    'primary.key.mode': 'record_key',
    'schema.evolution': 'basic',
    'collection.name.format': target,
    'batch.size': '5000',
    'consumer.override.max.poll.records': '5000',
    'use.reduction.buffer': 'true',
    ...options.sink,
  }
  const files = [
    await write('worker.properties', worker.join('\n')),
    await write('source.json', JSON.stringify({ name: 'source', config: sourceConfig })),
    await write('sink.json', JSON.stringify({ name: 'sink', config: sinkConfig })),
  ]
  const memory = ['-Xmx768m', '-XX:+UseSerialGC']
  const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
  const program = ['-cp', classpath, 'org.apache.kafka.connect.cli.ConnectStandalone']
  return spawn('java', [...memory, log, ...program, ...files], { stdio: ['ignore', 2, 2] })
}

const json = 'org.apache.kafka.connect.json.JsonConverter'
