import { Command, InvalidArgumentError, Option } from 'commander'
import { startKafkaBroker } from '../kafka/broker.ts'
import { buildProgram } from '../support/program.ts'
import type { LogName } from '../support/engine.ts'
import { logs, playHistory, type HistoryEnd } from './history.ts'
import { startServer } from './servers.ts'

/**
 * `node test/chaos/main.ts [--minutes N] [--seed N]`: histories of random tables, modes, logs, edits, schema
 * changes and faults, each from a seed of its own. `--seed N --histories 1` plays one again: the same
 * choices, though not the same moments.
 */
const { minutes, seed, histories, log } = new Command('chaos')
  .option('--minutes <n>', 'how long new histories begin', wholeNumber, 10)
  .option('--seed <n>', 'of the first history', wholeNumber, 1 + (Date.now() % 1_000_000))
  .option('--histories <n>', 'how many at most', wholeNumber, Number.MAX_SAFE_INTEGER)
  .addOption(new Option('--log <log>', 'this one only').choices([...new Set(logs)]))
  .parse()
  .opts<{
    readonly minutes: number
    readonly seed: number
    readonly histories: number
    readonly log?: LogName
  }>()

const deadline = Date.now() + minutes * 60_000
await using source = await startServer()
await using destination = await startServer()
await using broker = await startKafkaBroker()
const world = { program: await buildProgram(), source, destination, broker }

const ends: HistoryEnd[] = []
while (ends.length < histories && Date.now() < deadline) {
  const startedMs = Date.now()
  const end = await playHistory(seed + ends.length, world, log === undefined ? logs : [log])
  ends.push(end)
  say(`${describe(end)}: ${verdict(end)}, ${((Date.now() - startedMs) / 1000).toFixed(0)} s`)
}
const failed = ends.filter(({ failure }) => failure !== undefined)
const total = (count: (end: HistoryEnd) => number): string =>
  ends.reduce((sum, end) => sum + count(end), 0).toLocaleString('en')
say(
  `${String(ends.length)} histories, ${total(({ runs }) => runs)} runs, ${total(({ faults }) => faults.length)} faults; failed: ${failed.map((end) => end.seed).join(', ') || 'none'}`,
)
say(`${String(ends.length - failed.length)} passed, ${String(failed.length)} failed`)
process.exitCode = failed.length === 0 ? 0 : 1

function describe(end: HistoryEnd): string {
  const { log, tables, runs, faults } = end
  return `seed ${String(end.seed)}: ${log}; ${tables.join(', ')}; ${String(runs)} runs; ${faults.join(', ')}`
}

function verdict({ failure }: HistoryEnd): string {
  return failure === undefined ? 'held' : `FAILED\n  ${failure}\n `
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('must be a whole number above 0')
  }
  return value
}
