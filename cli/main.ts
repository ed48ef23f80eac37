#!/usr/bin/env -S node --max-semi-space-size=8
// A young generation that fits into the cache: reading a manifest's API takes 12 to 17 % less CPU and a third
// less memory (100 records a page, 1 kB each; 2 cores). It can only be said before the process starts.
// Nothing else is imported here: an older Node would end with a SyntaxError in the place of the words below.
import process from 'node:process'
import type { StopSignals } from './run/stop-signals.ts'

/** `engines` of package.json. */
const leastNode = 24
const argv = process.argv.slice(2)
if (Number.parseInt(process.versions.node, 10) < leastNode) refuseOldNode()
else await runCommand()

function refuseOldNode(): void {
  process.stderr.write(
    `Reactor Connect needs Node.js ${String(leastNode)} or later, and this is ${process.version} (${process.execPath}).\nInstall a later one (https://nodejs.org/en/download), or put it first in PATH, and run the same command again.\n`,
  )
  process.exitCode = 1
}

async function runCommand(): Promise<void> {
  // Installers and scripts call it repeatedly: neither the commands nor the cache are loaded for it.
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    await showVersion()
    return
  }
  const isRun = argv[0] === 'connect' && argv[1] === 'run'
  // Before the commands are loaded: a run that is stopped during that time has a result too.
  const stop = isRun ? await listenForStop() : undefined
  const { enableCompileCache } = await import('./compile-cache.ts')
  const { readEnvironment } = await import('../plan/environment.ts')
  enableCompileCache(readEnvironment())
  try {
    if (stop !== undefined) await runRun(stop)
    else if (argv[0] === 'connect' && argv[1] === 'source') await runSource()
    else await runAny()
  } catch (error) {
    const { showFailedCommand } = await import('./failed-command.ts')
    await showFailedCommand(argv, error)
  }
}

async function showVersion(): Promise<void> {
  const { packageVersion } = await import('../lib/files/package-version.ts')
  process.stdout.write(`${packageVersion()}\n`)
}

async function runSource(): Promise<void> {
  const { runSourceCommandLine } = await import('./source/source-process.ts')
  await runSourceCommandLine(argv)
}

/** Until the process ends. */
async function listenForStop(): Promise<StopSignals> {
  const signals = await import('./run/stop-signals.ts')
  return new signals.StopSignals(process, () => undefined)
}

async function runRun(stop: StopSignals): Promise<void> {
  const { runRunCommandLine } = await import('./run/run-process.ts')
  await runRunCommandLine(argv, stop)
}

async function runAny(): Promise<void> {
  const { runCommandLine } = await import('./command-line.ts')
  await runCommandLine(argv)
}
