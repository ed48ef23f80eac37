import { pino } from 'pino'
import { listTopics, type StreamTopic } from '../../engine/topics/list-topics.ts'
import { loadTable } from '../../engine/topics/load-table.ts'
import { readTopic, type TopicPlace } from '../../engine/topics/read-topic.ts'
import { MissingMessages } from '../../engine/topics/missing-messages.ts'
import { TableRebuild } from '../../engine/topics/rebuild-table.ts'
import { TableColumns } from '../../engine/topics/table-columns.ts'
import { syncsOfTable } from '../../engine/topics/table-syncs.ts'
import { TopicLines } from '../../engine/topics/topic-lines.ts'
import { kafkaServers } from '../../engine/log/kafka/kafka-log.ts'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { stringifyExact, streamLabel } from '../../protocol/index.ts'
import type { CommittedCounts } from '../../sinks/sink.ts'
import type { PostgresPlace } from '../../sinks/postgres/postgres-place.ts'
import type { Environment } from '../../service/platform/config/environment.ts'
import { exitCodes } from '../exit-codes.ts'
import type { CommandOutput } from '../output/command-output.ts'
import { jsonLine, jsonText } from '../output/json-text.ts'
import { listLines } from '../output/list-lines.ts'
import { loadRunFile } from '../run-file/load-run-file.ts'
import { kafkaOf } from '../run-file/run-plan.ts'
import { usageError } from '../usage-error.ts'

/** Where the brokers are. */
export interface TopicsFlags {
  readonly runFile?: string
  readonly brokers?: string
}

export interface RebuildOptions {
  readonly table?: string
  /** Only this sync and later ones count. */
  readonly fromSync?: number
}

/** `reactor connect topics …` as it was parsed. */
export type TopicsArguments = TopicsFlags &
  (
    | { readonly command: 'list'; readonly json: boolean }
    | {
        readonly command: 'tail'
        readonly topic: string
        readonly follow?: true
        readonly fromEnd?: true
        readonly limit?: number
      }
    | ({ readonly command: 'rebuild'; readonly topic: string } & RebuildOptions)
  )

export interface TopicsContext {
  readonly output: CommandOutput
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly addSecrets: (secrets: readonly string[]) => void
}

interface Place {
  readonly servers: KafkaServers
  /** The destination of the run file. */
  readonly destination: PostgresPlace | undefined
}

const logger = pino({ level: 'silent' })

/** Resolves with the exit code. Throws a ConnectError if nothing could be done. */
export async function runTopics(options: TopicsArguments, context: TopicsContext): Promise<number> {
  const place = await placeOf(options, context)
  switch (options.command) {
    case 'list':
      return list(place, options.json, context)
    case 'tail':
      return tail({ ...place, logger, topic: options.topic }, options, context)
    case 'rebuild':
      return rebuild({ ...place, logger, topic: options.topic }, options, context)
  }
}

async function placeOf(
  { runFile, brokers }: TopicsFlags,
  { environment, addSecrets }: TopicsContext,
): Promise<Place> {
  if (runFile === undefined)
    return { servers: serversAt(brokers ?? 'localhost:9092'), destination: undefined }
  if (brokers !== undefined)
    throw usageError('--run-file and --brokers say the same', 'Leave one of them out.')
  const file = await loadRunFile(runFile, environment)
  addSecrets(file.secrets)
  const kafka = kafkaOf(file.content.log)
  if (kafka === undefined)
    throw usageError(
      `the log of ${runFile} is not kafka`,
      'Name the brokers with --brokers, or a run file with `log: { kafka: { brokers: [...] } }`.',
    )
  const { destination } = file
  return {
    servers: kafkaServers(kafka),
    destination: destination.type === 'postgres' ? destination : undefined,
  }
}

function serversAt(list: string): KafkaServers {
  const brokers = list.split(',').map((broker) => broker.trim())
  if (brokers.every((broker) => /^[^\s:]+:\d+$|^\[[0-9a-fA-F:]+\]:\d+$/.test(broker)))
    return kafkaServers({ brokers, ssl: false })
  throw usageError('--brokers takes HOST:PORT', 'Write `--brokers kafka1:9092,kafka2:9092`.')
}

async function list(
  { servers }: Place,
  json: boolean,
  { output, signal }: TopicsContext,
): Promise<number> {
  const topics = await listTopics(servers, { logger, signal })
  const text = json
    ? jsonText(topics.map(asJson))
    : listLines({
        header: ['TOPIC', 'STREAM', 'MODE', 'KEY', 'SYNC', 'STATUS', 'RECORDS'],
        rows: topics.map(({ topic, stream, plan, end }) => [
          topic,
          streamLabel(stream),
          plan.destination_sync_mode,
          plan.primary_key.map((path) => path.join('.')).join(', '),
          String(plan.sync),
          end === undefined ? 'not complete' : 'complete',
          end === undefined ? '' : String(end.records),
        ]),
        columns: output.columns,
        dispensable: ['SYNC', 'KEY', 'MODE'],
        empty: {
          what: 'topics of streams',
          because: 'at these brokers: a run of this version with `log: kafka` makes them',
          next: 'reactor connect run FILE --log kafka',
        },
      })
  await output.write(text)
  return exitCodes.complete
}

function asJson({ topic, plan, end }: StreamTopic): Record<string, unknown> {
  return { topic, plan, ...(end !== undefined && { end }) }
}

async function tail(
  place: TopicPlace,
  {
    follow,
    fromEnd,
    limit = Infinity,
  }: { readonly follow?: true; readonly fromEnd?: true; readonly limit?: number },
  { output, signal }: TopicsContext,
): Promise<number> {
  if (fromEnd === true && follow !== true)
    throw usageError('--from-end shows nothing without --follow', 'Add --follow.')
  const lines = new TopicLines()
  const enough = new AbortController()
  let left = limit
  await readTopic(place, {
    signal: AbortSignal.any([signal, enough.signal]),
    ...(follow === true && { follow }),
    ...(fromEnd === true && { fromEnd }),
    take: async (message) => {
      if (left === 0) return
      await output.write(jsonLine(lines.lineOf(message)))
      left -= 1
      if (left === 0) enough.abort()
    },
  })
  return exitCodes.complete
}

async function rebuild(
  place: TopicPlace & Place,
  { table, fromSync = 1 }: RebuildOptions,
  { output, signal }: TopicsContext,
): Promise<number> {
  const target = table === undefined ? undefined : targetOf(table, place)
  const copy = new TableRebuild(place.topic)
  const missing = new MissingMessages(place.topic, { firstSync: fromSync })
  const columns = new TableColumns(place.topic)
  await readTopic(place, {
    signal,
    begin: (partition, offset) => {
      missing.begin(partition, offset)
    },
    take: (message) => {
      if (Number(message.headers.get('sync') ?? fromSync) < fromSync) return
      missing.take(message)
      copy.take(message)
      columns.take(message)
    },
  })
  if (signal.aborted) return exitCodes.stopped
  // Before a line is written, and before the table is touched.
  missing.check(copy.syncs())
  const rows = copy.records()
  if (target === undefined) {
    for (const { data } of rows) await output.write(jsonLine(stringifyExact(data)))
    return exitCodes.complete
  }
  const syncs = syncsOfTable(copy.syncs()).map(({ plan }) => plan.sync)
  const counts = await loadTable(target.place, {
    ...target,
    columns: columns.columnsOf(syncs),
    rows,
  })
  const name = `${target.schema}.${target.name}`
  output.screen.line(`${String(counts.loaded)} rows are in ${name}`)
  for (const warning of warningsOf(counts)) output.screen.line(`warning: ${name}: ${warning}`)
  return exitCodes.complete
}

function warningsOf({ rejected, nulled, cut }: CommittedCounts): string[] {
  return [
    ...(rejected > 0 ? [`${counted(rejected, 'row')} could not be loaded`] : []),
    ...(nulled > 0 ? [`${counted(nulled, 'value')} did not fit the column: NULL instead`] : []),
    ...(cut > 0 ? [`${counted(cut, 'value')} did not fit the column: less of it is there`] : []),
  ]
}

function counted(count: number, what: string): string {
  return `${String(count)} ${what}${count === 1 ? '' : 's'}`
}

function targetOf(
  table: string,
  { destination }: Place,
): { readonly place: PostgresPlace; readonly schema: string; readonly name: string } {
  const [schema, name, ...more] = table.split('.')
  if (schema === undefined || name === undefined || schema === '' || name === '' || more.length > 0)
    throw usageError('--table takes SCHEMA.TABLE', 'Write `--table copies.orders`.')
  if (destination === undefined)
    throw usageError(
      '--table needs a database',
      'Add `--run-file FILE`, whose destination is PostgreSQL.',
    )
  return { place: destination, schema, name }
}
