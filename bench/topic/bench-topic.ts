import { startKafkaBroker } from '../../test/kafka/broker.ts'
import { javaAndJars, missingForMaven } from '../../test/kafka/java-and-jars.ts'
import { startBenchServer } from '../bench-server.ts'
import { buildProgram } from '../built-program.ts'
import type { Measured } from '../peers/program.ts'
import { createSourceTable } from '../replicate/source-table.ts'
import { median } from '../statistics.ts'
import { openBenchTopics, type MessageSample } from './bench-topics.ts'
import {
  camelProgram,
  debeziumProgram,
  engineProgram,
  producerProgram,
  type TopicBench,
  type TopicFormat,
  type TopicProgram,
} from './topic-programs.ts'

export interface TopicOptions {
  readonly rows: number
  readonly rounds: number
  /** Where the peers are installed. */
  readonly cacheDir: string
}

export interface TopicFigures {
  readonly rows: number
  readonly rounds: number
  /**
   * Rows per second in JSON / messages per second of kafka-producer-perf-test; median of the rounds' ratios,
   * as the others are.
   */
  readonly ratio: number
  readonly avro_ratio: number
  /** Rows per second in JSON / those of Debezium's snapshot. */
  readonly debezium_ratio: number
  /** The same / those of the source for JDBC. */
  readonly jdbc_ratio: number
  /** Medians. */
  readonly programs: readonly {
    readonly name: string
    readonly note: string
    readonly rows: number
    readonly rows_per_second: number
    readonly cpu_seconds: number
    readonly peak_rss_mb: number
  }[]
}

/** The number of messages of one run that are sampled, so that the producer knows what to send. */
const sampledMessages = 20_000

/** The same table into topics of one broker by all programs, one after the other in each round. */
export async function benchTopic(
  options: TopicOptions,
  print: (line: string) => void,
): Promise<TopicFigures> {
  const missing = missingForMaven()
  if (missing !== undefined) throw new Error(`the peers need Java and Maven: ${missing}`)
  await buildProgram()
  // Debezium reads changes through a slot.
  await using bench = await startBenchServer({ wal_level: 'logical' })
  await bench.source(...createSourceTable(options.rows), 'CHECKPOINT')
  await using broker = await startKafkaBroker()
  await using topics = await openBenchTopics(broker.brokers)
  const context = { bench, brokers: broker.brokers, topics }
  const programs = await programsOf(context, options, print)
  const rounds: (readonly Measured[])[] = []
  // The first round warms caches and is not counted.
  for (let round = 0; round <= options.rounds; round++) {
    const results: Measured[] = []
    const label = round === 0 ? 'warm-up' : `round ${String(round)}`
    for (const program of programs) {
      const result = await fillOnce(context, program)
      const rate = Math.round(program.rows / result.seconds).toLocaleString('en')
      print(`${label}: ${program.name} ${rate}/s`)
      results.push(result)
    }
    if (round > 0) rounds.push(results)
  }
  return figuresOf(options, programs, rounds)
}

/** By their place in the list. */
const places = { json: 0, avro: 1, producerJson: 2, producerAvro: 3, debezium: 4, jdbc: 5 } as const

async function programsOf(
  context: TopicBench,
  { rows, cacheDir }: TopicOptions,
  print: (line: string) => void,
): Promise<readonly TopicProgram[]> {
  const { classpath } = await javaAndJars()
  print('Debezium and Camel: fetching their jars, if they are not there yet')
  const debezium = await debeziumProgram(context, { rows, cacheDir })
  const camel = await camelProgram(context, { rows, cacheDir })
  const producer = async (format: TopicFormat): Promise<TopicProgram> => {
    const sample = await sampleOf(context, engineProgram(context, rows, format))
    return producerProgram(context, { rows, format, sample, classpath })
  }
  return [
    engineProgram(context, rows, 'json'),
    engineProgram(context, rows, 'avro'),
    await producer('json'),
    await producer('avro'),
    debezium,
    camel,
  ]
}

async function sampleOf(context: TopicBench, program: TopicProgram): Promise<MessageSample> {
  const topic = nextTopic()
  await program.fill(topic)
  const sample = await context.topics.sample(topic, Math.min(sampledMessages, program.rows - 1))
  await context.topics.remove(topic)
  return sample
}

async function fillOnce({ topics }: TopicBench, program: TopicProgram): Promise<Measured> {
  const topic = nextTopic()
  const measured = await program.fill(topic)
  const end = await topics.end(topic)
  if (end < program.rows) throw new Error(`${program.name} left ${String(end)} messages`)
  await topics.remove(topic)
  return measured
}

let topicsMade = 0
function nextTopic(): string {
  topicsMade += 1
  return `bench-${Date.now().toString(36)}-${String(topicsMade)}`
}

function figuresOf(
  { rows, rounds: count }: TopicOptions,
  programs: readonly TopicProgram[],
  rounds: readonly (readonly Measured[])[],
): TopicFigures {
  const rateIn = (round: readonly Measured[], place: number): number =>
    (programs[place]?.rows ?? 0) / (round[place]?.seconds ?? NaN)
  const ratio = (place: number, other: number): number =>
    median(rounds.map((round) => rateIn(round, place) / rateIn(round, other)))
  return {
    rows,
    rounds: count,
    ratio: ratio(places.json, places.producerJson),
    avro_ratio: ratio(places.avro, places.producerAvro),
    debezium_ratio: ratio(places.json, places.debezium),
    jdbc_ratio: ratio(places.json, places.jdbc),
    programs: programs.map(({ name, note, rows: moved }, place) => ({
      name,
      note,
      rows: moved,
      rows_per_second: Math.round(median(rounds.map((round) => rateIn(round, place)))),
      cpu_seconds: median(rounds.map((round) => round[place]?.cpuSeconds ?? NaN)),
      peak_rss_mb: Math.round(median(rounds.map((round) => round[place]?.peakRssMb ?? NaN))),
    })),
  }
}

export function topicTable(figures: TopicFigures): string {
  const { rows, rounds, programs } = figures
  const lines = programs.map(
    ({ name, note, rows_per_second: rate, cpu_seconds: cpu, peak_rss_mb: peak }) =>
      `| ${name} | ${rate.toLocaleString('en')} | ${cpu.toFixed(1)} | ${String(peak)} | ${note} |`,
  )
  return [
    `${rows.toLocaleString('en')} rows of 12 columns from PostgreSQL into a topic with 6 partitions, start-up included; medians of ${String(rounds)} interleaved rounds.`,
    '',
    '| program | rows/s | CPU s (its own processes) | peak RSS MB | how |',
    '|---|---|---|---|---|',
    ...lines,
    '',
    `JSON / kafka-producer-perf-test ${figures.ratio.toFixed(2)}, Avro ${figures.avro_ratio.toFixed(2)}; JSON / Debezium ${figures.debezium_ratio.toFixed(1)}, / JDBC ${figures.jdbc_ratio.toFixed(1)}`,
    '',
  ].join('\n')
}
