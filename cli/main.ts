#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import process from 'node:process'

// What is imported from here on, in all threads, starts faster the next time.
enableCompileCache()
const argv = process.argv.slice(2)
if (argv[0] === 'connect' && argv[1] === 'source') await runSource()
else await runAny()

async function runSource(): Promise<void> {
  const { runSourceCommandLine } = await import('./source/source-process.ts')
  try {
    await runSourceCommandLine(argv)
  } catch (error) {
    const { showFailedCommand } = await import('./command-line.ts')
    await showFailedCommand(argv, error)
  }
}

async function runAny(): Promise<void> {
  const { runCommandLine } = await import('./command-line.ts')
  await runCommandLine(argv)
}
