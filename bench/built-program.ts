import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const folder = new URL('../', import.meta.url).pathname
/** `reactor`, as it is installed. */
export const builtProgram = `${folder}dist/cli/main.js`

/** Makes it anew: what is measured is what the sources are now. */
export async function buildProgram(): Promise<void> {
  await promisify(execFile)('npm', ['run', 'build'], { cwd: folder })
}
