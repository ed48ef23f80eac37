import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { packageFolder } from '../../lib/files/package-folder.ts'
import { exitCodes } from '../exit-codes.ts'
import { usageError } from '../usage-error.ts'
import { runDemo } from './run-demo.ts'

/** Runs the demo with the data that the package holds. Resolves with the exit code. Throws `usage` if there is none. */
export async function demo(say: (line: string) => void): Promise<number> {
  // `npm run build` writes it.
  const dataFolder = join(packageFolder(import.meta.url) ?? import.meta.dirname, 'dist/demo')
  try {
    await access(dataFolder)
  } catch {
    throw usageError('The data of the demo is not built', 'In a checkout, run `npm run demo`.')
  }
  await runDemo({ dataFolder, say })
  return exitCodes.complete
}
