import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface LoopbackServer extends AsyncDisposable {
  readonly url: string
}

/**
 * Starts a program that prints the port on which it listens, in a process of its own so that its work is in
 * nobody's figure.
 */
export async function startServer(
  file: string,
  options: readonly (string | number)[],
): Promise<LoopbackServer> {
  const argv = [file, ...options.map(String)]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    url: `http://127.0.0.1:${port.toString().trim()}`,
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}
