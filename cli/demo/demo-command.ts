import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { packageFolder } from '../../lib/files/package-folder.ts'
import { exitCodes } from '../exit-codes.ts'
import { usageError } from '../usage-error.ts'
import { runDemo, type DemoOptions } from './run-demo.ts'

/**
 * Runs the demo with the data in the package. Resolves with the exit code. Throws `usage` if there is none.
 */
export async function demo(say: (line: string) => void, signal: AbortSignal): Promise<number> {
  // `npm run build` writes it.
  const dataFolder = join(packageFolder(import.meta.url) ?? import.meta.dirname, 'dist/demo')
  try {
    await access(dataFolder)
  } catch {
    throw usageError('The data of the demo is not built', 'In a checkout, run `npm run demo`.')
  }
  return runDemoToItsEnd({ dataFolder, say, signal })
}

/** A stopped demo is not an error. */
export async function runDemoToItsEnd(options: DemoOptions): Promise<number> {
  try {
    await runDemo(options)
    return exitCodes.complete
  } catch (error) {
    if (options.signal.aborted) return exitCodes.killed
    throw error
  }
}
