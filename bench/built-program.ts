import { join } from 'node:path'
import { rolldown } from 'rolldown'
import config from '../rolldown.config.ts'

const folder = new URL('../', import.meta.url).pathname
/** `reactor`, as it is installed. */
export const builtProgram = join(folder, 'dist/cli/main.js')

/** Makes it anew: what is measured is what the sources are now. */
export async function buildProgram(): Promise<void> {
  await using bundle = await rolldown({ ...config, cwd: folder })
  await bundle.write(config.output)
}

/** A program of the benchmarks, built as `reactor` is; gives its file. */
export async function buildAlike(source: string): Promise<string> {
  // Below the project, where its dependencies are found.
  const dir = join(folder, 'node_modules/.cache/bench')
  await using bundle = await rolldown({ ...config, cwd: folder, input: { program: source } })
  await bundle.write({ ...config.output, dir })
  return join(dir, 'program.js')
}
