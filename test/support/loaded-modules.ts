import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** Writes the URL of every module that is loaded to standard error. */
const tracer = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  import { writeSync } from 'node:fs'
  registerHooks({
    load(url, context, next) {
      writeSync(2, url + '\\n')
      return next(url, context)
    },
  })
`)}`

/**
 * Runs a program of the project; `loaded`: the modules that it loads, as paths below the project's folder.
 */
export async function loadedModules(
  program: string,
  argv: readonly string[] = [],
): Promise<{ readonly stdout: string; readonly loaded: readonly string[] }> {
  const { stdout, stderr } = await run(process.execPath, ['--import', tracer, program, ...argv], {
    cwd: root,
  })
  return { stdout, loaded: stderr.split('\n').map((url) => url.replace(`file://${root}/`, '')) }
}
