import { Command, InvalidArgumentError, Option } from 'commander'
import type { LogConfig } from '../engine/run-types.ts'
import { benchReplicate, type ReplicateFigures } from './replicate/replicate.ts'

interface ReplicateFlags {
  readonly rows: number
  readonly log: 'embedded' | 'kafka'
  readonly framing: 'block' | 'record'
  readonly mode: 'append' | 'append_dedup'
  readonly metadata: 'full' | 'minimal'
  readonly rounds: number
  readonly json?: true
}

const program = new Command('bench').description(
  'Benchmarks. Quote ratios from one run: absolute rates depend on the machine.',
)

program
  .command('replicate')
  .description(
    'Postgres to Postgres through the engine, beside the psql COPY pipe on the same server',
  )
  .option('--rows <n>', 'rows of the source table', wholeNumber, 1_000_000)
  .addOption(new Option('--log <log>').choices(['embedded', 'kafka']).default('embedded'))
  .addOption(
    new Option('--framing <framing>', 'of the Kafka topic')
      .choices(['block', 'record'])
      .default('block'),
  )
  .addOption(new Option('--mode <mode>').choices(['append', 'append_dedup']).default('append'))
  .addOption(new Option('--metadata <metadata>').choices(['full', 'minimal']).default('minimal'))
  .option('--rounds <n>', 'counted rounds', wholeNumber, 3)
  .option('--json', 'one JSON object on the last line')
  .action(async (flags: ReplicateFlags) => {
    const print = (line: string): void => {
      process.stderr.write(`${line}\n`)
    }
    const figures = await benchReplicate({ ...flags, log: logConfig(flags) }, print)
    process.stdout.write(flags.json ? `${JSON.stringify(figures)}\n` : table(figures))
  })

await program.parseAsync()

function logConfig({ log, framing }: ReplicateFlags): LogConfig {
  if (log === 'embedded') return { kind: 'embedded' }
  const brokers = process.env.KAFKA_BROKERS?.split(',')
  if (brokers === undefined)
    throw new Error(
      'Set KAFKA_BROKERS to a broker, for example the one that `npm run kafka` starts',
    )
  return { kind: 'kafka', brokers, framing, ssl: false }
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('must be a whole number above 0')
  return value
}

function table(figures: ReplicateFigures): string {
  const rate = (value: number): string => `${value.toLocaleString('en')} rows/s`
  const share = Object.entries(figures.stages).map(
    ([name, seconds]) => `  ${name.padEnd(20)} ${seconds.toFixed(2)} s`,
  )
  return [
    `${figures.rows.toLocaleString('en')} rows, ${figures.mode}, metadata ${figures.metadata}, log ${figures.log}; medians of ${String(figures.rounds.length)} rounds`,
    `psql COPY pipe  ${rate(figures.pipeRowsPerSecond)}`,
    `engine          ${rate(figures.rowsPerSecond)}   ratio ${figures.ratio.toFixed(2)}`,
    `engine process  ${figures.cpuSeconds.toFixed(1)} s CPU, peak ${String(figures.peakRssMb)} MB`,
    'seconds by stage, summed over threads:',
    ...share,
    '',
  ].join('\n')
}
