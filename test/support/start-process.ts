import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface StartedProcess extends AsyncDisposable {
  kill9(): Promise<void>
}

/** A script in a process of its own, once it has said `ready`. Killed when disposed of. */
export async function startProcess(script: URL, args: readonly string[]): Promise<StartedProcess> {
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const kill9 = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  const ready = once(child.stdout, 'data')
  await Promise.race([ready, exited])
  if (child.exitCode !== null) throw new Error(`${script.href} ended before it was ready`)
  return { kill9, [Symbol.asyncDispose]: kill9 }
}
