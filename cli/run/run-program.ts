import { Option, type Command } from 'commander'
import { portNumber } from '../options.ts'
import { sourceLogLevels, type LogLevel } from './log-levels.ts'

/** `reactor connect run FILE …` as it was parsed. */
export interface RunArguments {
  readonly file: string
  readonly json: boolean
  readonly log: 'embedded' | 'kafka' | undefined
  readonly continuous?: boolean | undefined
  readonly logLevel: LogLevel
  readonly metricsPort: number | undefined
}

interface RunFlags {
  readonly json?: true
  readonly log?: 'embedded' | 'kafka'
  readonly continuous?: true
  readonly logLevel: LogLevel
  readonly metricsPort?: number
}

/** Adds the command to its parent, and gives it. */
export function runCommand(
  connect: Command,
  run: (options: RunArguments) => Promise<void>,
): Command {
  return connect
    .command('run')
    .description('run the connection in a run file once, until it ends or is stopped')
    .argument('<FILE>', 'run file: .yaml, .yml or .toml')
    .option('--json', 'one JSON object per line on stdout: progress, then the result')
    .addOption(
      new Option('--log <KIND>', 'transport between readers and sinks; overrides the file').choices(
        ['embedded', 'kafka'],
      ),
    )
    .option(
      '--continuous',
      'go on until stopped, and load changes as they happen; the source must have a feed (postgres with replication: cdc)',
    )
    .addOption(
      new Option('--log-level <LEVEL>', 'minimum level of log lines on stderr')
        .choices(sourceLogLevels)
        .default('info'),
    )
    .option(
      '--metrics-port <N>',
      'serve Prometheus metrics on 127.0.0.1 during the run (0: a free port)',
      portNumber,
    )
    .addHelpText('after', examples)
    .action(async (file: string, flags: RunFlags) => {
      const { log, continuous, logLevel, metricsPort } = flags
      await run({ file, json: flags.json === true, log, continuous, logLevel, metricsPort })
    })
}

const examples = `
Examples:
  $ reactor connect run shop.yaml
  $ reactor connect run shop.yaml --json > events.jsonl
  $ reactor connect run shop.yaml --log kafka --metrics-port 9464
  $ SOURCE_PASSWORD=… reactor connect run shop.toml --log-level debug

Exit codes:
  0 complete, or a continuous run that was stopped   1 failed   2 wrong run file or command line   3 partial
  4 stopped by Ctrl-C at a checkpoint (run again to finish)   130 ended by a second Ctrl-C

docs/run-file.md describes the run file.`
