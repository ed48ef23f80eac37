import { pino } from 'pino'
import { listTopics, type StreamTopic } from '../../engine/topics/list-topics.ts'
import { readTopic, type TopicPlace } from '../../engine/topics/read-topic.ts'
import { TopicLines } from '../../engine/topics/topic-lines.ts'
import { kafkaServers } from '../../engine/log/kafka/kafka-log.ts'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { streamLabel } from '../../protocol/index.ts'
import type { Environment } from '../../plan/environment.ts'
import { exitCodes } from '../exit-codes.ts'
import type { CommandOutput } from '../output/command-output.ts'
import { jsonLine, jsonText } from '../output/json-text.ts'
import { listLines } from '../output/list-lines.ts'
import { loadRunFile } from '../../plan/run-file/load-run-file.ts'
import { kafkaOf } from '../../plan/run-file/run-plan.ts'
import { usageError } from '../usage-error.ts'

/** Where the brokers are. */
export interface TopicsFlags {
  readonly runFile?: string
  readonly brokers?: string
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
  )

export interface TopicsContext {
  readonly output: CommandOutput
  readonly environment: Environment
  readonly signal: AbortSignal
  readonly addSecrets: (secrets: readonly string[]) => void
}

const logger = pino({ level: 'silent' })

/** Resolves with the exit code. Throws a ConnectError if nothing could be done. */
export async function runTopics(options: TopicsArguments, context: TopicsContext): Promise<number> {
  const servers = await serversOf(options, context)
  switch (options.command) {
    case 'list':
      return list(servers, options.json, context)
    case 'tail':
      return tail({ servers, logger, topic: options.topic }, options, context)
  }
}

async function serversOf(
  { runFile, brokers }: TopicsFlags,
  { environment, addSecrets }: TopicsContext,
): Promise<KafkaServers> {
  if (runFile === undefined) return serversAt(brokers ?? 'localhost:9092')
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
  return kafkaServers(kafka)
}

function serversAt(list: string): KafkaServers {
  const brokers = list.split(',').map((broker) => broker.trim())
  if (brokers.every((broker) => /^[^\s:]+:\d+$|^\[[0-9a-fA-F:]+\]:\d+$/.test(broker)))
    return kafkaServers({ brokers, ssl: false })
  throw usageError('--brokers takes HOST:PORT', 'Write `--brokers kafka1:9092,kafka2:9092`.')
}

async function list(
  servers: KafkaServers,
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
