import { Command, InvalidArgumentError, Option } from 'commander'
import type { LogConfig } from '../engine/run-types.ts'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { connectionChoices } from '../plan/streams/connection-choices.ts'
import type { Metadata } from '../sinks/sink.ts'
import { givenOrStartedBroker } from '../test/kafka/broker.ts'
import { airbyteProcessTable, benchAirbyteProcess } from './airbyte/bench-airbyte-process.ts'
import { actionsTable, benchActions, type ActionsOptions } from './actions/bench-actions.ts'
import { benchCdc, cdcTable, type CdcOptions } from './cdc/bench-cdc.ts'
import { benchCodegen, codegenTable, type CodegenOptions } from './codegen/bench-codegen.ts'
import { benchGrowth, type GrowthOptions } from './growth/bench-growth.ts'
import { growthTable } from './growth/growth-series.ts'
import { benchCodec, codecTable, type CodecOptions } from './codec.ts'
import { benchRuns, runsTable, type RunsOptions } from './runs/bench-runs.ts'
import { benchHttp, httpTable, type HttpOptions } from './http/bench-http.ts'
import { benchIngress, ingressTable, type IngressOptions } from './ingress/bench-ingress.ts'
import { benchLog, logTable } from './log.ts'
import { benchManifest, manifestTable } from './manifest/bench-manifest.ts'
import { benchLargeBody, largeBodyTable } from './manifest/bench-large-body.ts'
import { benchStartup, startupTable } from './manifest/bench-startup.ts'
import { benchMemory, memoryTable } from './memory.ts'
import { benchPeers, peersMarkdown } from './peers/peers.ts'
import { benchTopic, topicTable } from './topic/bench-topic.ts'
import { benchCopyPipe, copyPipeTable } from './replicate/bench-copy-pipe.ts'
import { benchReplicate, type ReplicateFigures } from './replicate/replicate.ts'
import { benchS3, s3Table } from './s3/bench-s3.ts'
import { benchShapes, shapesTable } from './shapes/bench-shapes.ts'
import { shapeNames, type ShapeName } from './shapes/shapes.ts'
import type { TableKind } from './table-shape.ts'
import { benchTwoway, twowayTable, type TwowayOptions } from './twoway/bench-twoway.ts'
import { benchWriteback, writebackTable } from './writeback/bench-writeback.ts'

interface LogFlags {
  readonly log: 'embedded' | 'kafka'
  readonly framing: 'block' | 'record'
}

interface ReplicateFlags extends LogFlags {
  readonly rows: number
  readonly mode: 'append' | 'append_dedup'
  readonly metadata: Metadata
  readonly rounds: number
  readonly json?: true
}

interface JsonFlag {
  readonly json?: true
}

interface CopyPipeFlags extends JsonFlag {
  readonly rows: number
  readonly table: TableKind
  readonly rounds: number
}

interface ShapesFlags extends JsonFlag {
  readonly shapes: readonly ShapeName[]
  readonly logs: readonly LogFlags['log'][]
  readonly metadata: Metadata
  readonly rounds: number
  readonly scale: number
}

interface PeersFlags extends JsonFlag {
  readonly rows: number
  readonly rounds: number
  readonly cache: string
}

type CdcFlags = JsonFlag &
  Omit<CdcOptions, 'vsDebezium' | 'cacheDir'> & {
    readonly vsDebezium?: true
    readonly cache: string
  }

interface AirbyteProcessFlags extends JsonFlag {
  readonly records: number
  readonly rounds: number
  readonly cache: string
}

interface ManifestFlags extends JsonFlag {
  readonly records: number
  readonly rounds: number
  readonly vsCdk?: true
  readonly cache: string
}

const logKinds = ['embedded', 'kafka'] as const

const peersCache = join(homedir(), '.cache', 'reactor-connect-bench')

const program = new Command('bench').description(
  'Benchmarks. Quote ratios from one run: absolute rates depend on the machine.',
)

program
  .command('replicate')
  .description(
    'Postgres to Postgres through the engine, beside the psql COPY pipe on the same server',
  )
  .option('--rows <n>', 'rows of the source table', wholeNumber, 1_000_000)
  .addOption(logOption())
  .addOption(framingOption())
  .addOption(new Option('--mode <mode>').choices(['append', 'append_dedup']).default('append'))
  .addOption(
    new Option('--metadata <metadata>').choices(connectionChoices.metadata).default('minimal'),
  )
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: ReplicateFlags) => {
    await using log = await openLog(flags)
    const figures = await benchReplicate({ ...flags, log: log.config }, print)
    show(flags, figures, table)
  })

program
  .command('copy-pipe')
  .description('psql COPY TO piped into COPY FROM alone: the limit of this server and machine')
  .option('--rows <n>', 'rows of the source table', wholeNumber, 1_000_000)
  .addOption(
    new Option('--table <kind>', 'whether the loaded table has a key')
      .choices(['key', 'no_key'])
      .default('no_key'),
  )
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: CopyPipeFlags) => {
    show(flags, await benchCopyPipe(flags, print), copyPipeTable)
  })

program
  .command('shapes')
  .description(
    'Tables of different shapes, Postgres to Postgres, by the built program beside COPY pipes in text and binary, and pgcopydb if it is installed',
  )
  .option('--shapes <a,b,…>', `of ${shapeNames.join(', ')}`, listOf(shapeNames), shapeNames)
  .option('--logs <a,b>', 'of embedded, kafka', listOf(logKinds), logKinds)
  .addOption(
    new Option('--metadata <metadata>').choices(connectionChoices.metadata).default('minimal'),
  )
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--scale <f>', 'of the numbers of rows and tables; 0.01 tries everything', fraction, 1)
  .option('--json', 'one JSON array on the last line')
  .action(async (flags: ShapesFlags) => {
    await using stack = new AsyncDisposableStack()
    const logs: LogConfig[] = []
    for (const log of flags.logs)
      logs.push(stack.use(await openLog({ log, framing: 'block' })).config)
    show(flags, await benchShapes({ ...flags, logs, warmUp: true }, print), shapesTable)
  })

program
  .command('growth')
  .description('Time and memory while rows, tables, connections and runs at the same time grow')
  .option('--rows <n,n,…>', 'of one table', wholeNumbers, [100_000, 1_000_000, 10_000_000])
  .option('--tables <n,n,…>', 'of 100 rows', wholeNumbers, [1, 10, 100, 1_000])
  .option('--connections <n,n,…>', 'in a service', wholeNumbers, [1, 10, 100, 1_000, 10_000])
  .option('--runs <n,n,…>', 'at the same time', wholeNumbers, [1, 4, 16, 64])
  .option('--picture <file>', 'an SVG of it')
  .option('--json', 'one JSON array on the last line')
  .action(async (flags: JsonFlag & GrowthOptions) => {
    show(flags, await benchGrowth(flags, print), growthTable)
  })

program
  .command('memory')
  .description("Peak memory of the engine's process for tables of different sizes")
  .option('--rows <n,n,…>', 'rows of the tables', wholeNumbers, [500_000, 5_000_000])
  .addOption(logOption())
  .addOption(framingOption())
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & LogFlags & { readonly rows: readonly number[] }) => {
    await using log = await openLog(flags)
    const figures = await benchMemory({ rowCounts: flags.rows, log: log.config }, print)
    show(flags, figures, memoryTable)
  })

program
  .command('peers')
  .description(
    'The same work by the COPY pipe, this engine, Sling and dlt; where KAFKA_BROKERS is set, the engine through Kafka and Debezium too (bench/peers/README.md)',
  )
  .option('--rows <n>', 'rows of the source table', wholeNumber, 1_000_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--cache <folder>', 'where the peers are installed', peersCache)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: PeersFlags) => {
    const kafkaBrokers = process.env.KAFKA_BROKERS?.split(',')
    const figures = await benchPeers(
      { ...flags, cacheDir: flags.cache, ...(kafkaBrokers && { kafkaBrokers }) },
      print,
    )
    process.stdout.write(peersMarkdown(figures))
    if (flags.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  })

program
  .command('topic')
  .description(
    'Postgres into topics, beside Debezium, a source for JDBC and kafka-producer-perf-test on the same broker; needs Java 17, Maven and python3',
  )
  .option('--rows <n>', 'rows of the source table', wholeNumber, 1_000_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--cache <folder>', 'where the peers are installed', peersCache)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: PeersFlags) => {
    show(flags, await benchTopic({ ...flags, cacheDir: flags.cache }, print), topicTable)
  })

program
  .command('cdc')
  .description(
    'Changes of PostgreSQL into another database, beside its own subscription and pg_recvlogical (of PostgreSQL’s client programs); with --vs-debezium beside Debezium, which needs Java 17, Maven and a broker',
  )
  .option('--rows <n>', 'rows of the source table', wholeNumber, 500_000)
  .option('--changes <n>', 'changes of a round', wholeNumber, 300_000)
  .option('--per-transaction <n>', 'changes of one transaction', wholeNumber, 10)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--seconds <n>', 'of the run whose latency is measured', wholeNumber, 20)
  .addOption(
    new Option('--streaming <setting>', 'of the native subscription')
      .choices(['off', 'on', 'parallel'])
      .default('parallel'),
  )
  .option('--vs-debezium', 'also through Debezium and its JDBC sink')
  .option('--cache <folder>', 'where Debezium is stored', peersCache)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: CdcFlags) => {
    const vsDebezium = flags.vsDebezium === true
    show(flags, await benchCdc({ ...flags, vsDebezium, cacheDir: flags.cache }, print), cdcTable)
  })

program
  .command('s3')
  .description('The same rows into a bucket and out of it, beside Sling and DuckDB')
  .option('--rows <n>', 'rows', wholeNumber, 500_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--cache <folder>', 'where the peers are installed', peersCache)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: PeersFlags) => {
    show(flags, await benchS3({ ...flags, cacheDir: flags.cache }, print), s3Table)
  })

program
  .command('airbyte-process')
  .description(
    'External Airbyte connectors through a run into PostgreSQL, beside the connector alone and PyAirbyte',
  )
  .option(
    '--records <n>',
    'records of the source in Node; the one in Python has a fifth',
    wholeNumber,
    500_000,
  )
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--cache <folder>', 'where the packages of Python are installed', peersCache)
  .option('--json', 'one JSON object on the last line')
  .action(async ({ records, rounds, cache, json }: AirbyteProcessFlags) => {
    const figures = await benchAirbyteProcess({ records, rounds, cacheDir: cache, print })
    show(json === true ? { json } : {}, figures, airbyteProcessTable)
  })

program
  .command('writeback')
  .description('Records into a simulator of Salesforce, beside a loop with jsforce')
  .option('--rows <n>', 'records', wholeNumber, 100_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & { rows: number; rounds: number }) => {
    show(flags, await benchWriteback(flags, print), writebackTable)
  })

program
  .command('twoway')
  .description('Two databases kept the same: all records compared, and edits on their way')
  .option('--rows <n>', 'records on each side', wholeNumber, 200_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--seconds <n>', 'of edits, by each way of finding changes', wholeNumber, 30)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & TwowayOptions) => {
    show(flags, await benchTwoway(flags, print), twowayTable)
  })

program
  .command('manifest')
  .description('A paged JSON API through the manifest interpreter')
  .option('--records <n>', 'records of the API', wholeNumber, 100_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--vs-cdk', 'also through airbyte-cdk (Python), in the same rounds')
  .option('--cache <folder>', 'where airbyte-cdk is installed', peersCache)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: ManifestFlags) => {
    const figures = await benchManifest(
      { ...flags, vsCdk: flags.vsCdk === true, cacheDir: flags.cache },
      print,
    )
    show(flags, figures, manifestTable)
  })

program
  .command('manifest-startup')
  .description('How long a source takes to answer, and to compile 100 streams')
  .option('--rounds <n>', 'processes of each kind', wholeNumber, 15)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & { readonly rounds: number }) => {
    show(flags, await benchStartup(flags), startupTable)
  })

program
  .command('manifest-large-body')
  .description('Peak memory of reading one JSON answer of different sizes')
  .option('--megabytes <n,n,…>', 'sizes of the answer', wholeNumbers, [50, 500])
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & { readonly megabytes: readonly number[] }) => {
    show(flags, await benchLargeBody(flags, print), largeBodyTable)
  })

program
  .command('http')
  .description('The HTTP API of a real service: the catalog, and lists of many connections')
  .option('--connections <n>', 'connections in the metadata', wholeNumber, 10_000)
  .option('--clients <n>', 'requests at a time', wholeNumber, 16)
  .option('--seconds <n>', 'for each route', wholeNumber, 10)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & HttpOptions) => {
    show(flags, await benchHttp(flags, print), httpTable)
  })

program
  .command('actions')
  .description(
    "Actions through a real service beside the vendor's SDK, and streams beside the SDK's paging loop",
  )
  .option('--clients <n>', 'calls at a time', wholeNumber, 64)
  .option('--seconds <n>', 'of each round', wholeNumber, 10)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--records <n>', 'records of each stream', wholeNumber, 100_000)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & ActionsOptions) => {
    show(flags, await benchActions(flags, print), actionsTable)
  })

program
  .command('ingress')
  .description(
    'Webhook deliveries that are durable before they are answered, beside the same server that stores nothing',
  )
  .option('--connections <n,n,…>', 'requests at a time', wholeNumbers, [64, 256])
  .option('--seconds <n>', 'of each round', wholeNumber, 5)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .addOption(new Option('--only <log>').choices(['embedded', 'kafka']))
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & IngressOptions) => {
    show(flags, await benchIngress(flags, print), ingressTable)
  })

program
  .command('runs')
  .description('Runs of a real service: a small one when it is warm, and many at the same time')
  .option('--rounds <n>', 'small runs', wholeNumber, 20)
  .option('--concurrent <n,n,…>', 'runs at the same time', wholeNumbers, [1, 8, 20])
  .option('--rows <n>', 'rows of each of their three streams', wholeNumber, 20_000)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & RunsOptions) => {
    show(flags, await benchRuns(flags, print), runsTable)
  })

program
  .command('codegen')
  .description(
    'A typed client of an instance with many streams: making it, and compiling it under strict',
  )
  .option('--streams <n>', 'streams of the instance', wholeNumber, 100)
  .option('--fields <n>', 'fields of each', wholeNumber, 40)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 5)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: JsonFlag & CodegenOptions) => {
    show(flags, await benchCodegen(flags), codegenTable)
  })

program
  .command('codec')
  .description('The encoders and decoders that every row meets, on one thread')
  .option('--rows <n>', 'rows', wholeNumber, 100_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 5)
  .option('--json', 'one JSON object on the last line')
  .action((flags: CodecOptions & JsonFlag) => {
    show(flags, benchCodec(flags, print), codecTable)
  })

program
  .command('log')
  .description('A lane through the embedded log, and through Kafka where KAFKA_BROKERS is set')
  .option('--rows <n>', 'rows', wholeNumber, 500_000)
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: CodecOptions & JsonFlag) => {
    const brokers = process.env.KAFKA_BROKERS?.split(',')
    const figures = await benchLog({ ...flags, ...(brokers && { brokers }) }, print)
    show(flags, figures, logTable)
  })

await program.parseAsync()

function print(line: string): void {
  process.stderr.write(`${line}\n`)
}

function show<Figures>(
  flags: JsonFlag,
  figures: Figures,
  text: (figures: Figures) => string,
): void {
  process.stdout.write(flags.json ? `${JSON.stringify(figures)}\n` : text(figures))
}

function logOption(): Option {
  return new Option('--log <log>').choices(logKinds).default('embedded')
}

function framingOption(): Option {
  return new Option('--framing <framing>', 'of the Kafka topic')
    .choices(['block', 'record'])
    .default('block')
}

interface OpenLog extends AsyncDisposable {
  readonly config: LogConfig
}

async function openLog({ log, framing }: LogFlags): Promise<OpenLog> {
  if (log === 'embedded') {
    return { config: { kind: 'embedded' }, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const broker = await givenOrStartedBroker(print)
  return {
    config: { kind: 'kafka', brokers: broker.brokers, framing, ssl: false },
    [Symbol.asyncDispose]: async () => broker[Symbol.asyncDispose](),
  }
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('must be a whole number above 0')
  return value
}

function wholeNumbers(text: string): readonly number[] {
  return text.split(',').map(wholeNumber)
}

function fraction(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError('must be a number above 0, at most 1')
  return value
}

/** Some of these names, separated by commas. */
function listOf<Name extends string>(names: readonly Name[]): (text: string) => readonly Name[] {
  return (text) =>
    text.split(',').map((wanted) => {
      const name = names.find((known) => known === wanted)
      if (name === undefined)
        throw new InvalidArgumentError(`\`${wanted}\` is none of ${names.join(', ')}`)
      return name
    })
}

function table(figures: ReplicateFigures): string {
  const rate = (value: number): string => `${value.toLocaleString('en')} rows/s`
  const total = Object.values(figures.stages).reduce((sum, seconds) => sum + seconds, 0)
  const share = Object.entries(figures.stages).map(
    ([name, seconds]) =>
      `  ${name.padEnd(20)} ${seconds.toFixed(2)} s  ${((100 * seconds) / total).toFixed(0)} %`,
  )
  return [
    `${figures.rows.toLocaleString('en')} rows, ${figures.mode}, metadata ${figures.metadata}, log ${figures.log}; medians of ${String(figures.rounds.length)} rounds`,
    `psql COPY pipe  ${rate(figures.pipeRowsPerSecond)}`,
    `engine          ${rate(figures.rowsPerSecond)}   ratio ${figures.ratio.toFixed(2)}`,
    `with metadata ${figures.otherMetadata.metadata}: ratio ${figures.otherMetadata.ratio.toFixed(2)}`,
    ...(figures.secondSyncRatio === undefined
      ? []
      : [`second sync, all rows exist: ${figures.secondSyncRatio.toFixed(2)} times the first`]),
    `engine process  ${figures.cpuSeconds.toFixed(1)} s CPU, peak ${String(figures.peakRssMb)} MB`,
    'seconds by stage, summed over threads:',
    ...share,
    '',
  ].join('\n')
}
