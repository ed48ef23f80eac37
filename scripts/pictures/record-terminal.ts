import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { shownLines, type Span } from './terminal-screen.ts'

export interface Recording {
  readonly argv: readonly string[]
  readonly columns: number
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Runs a command on a terminal of its own (`script` of util-linux makes it), and gives what it shows at the
 * end.
 */
export async function recordTerminal({
  argv,
  columns,
  environment = {},
}: Recording): Promise<readonly (readonly Span[])[]> {
  const command = `stty cols ${String(columns)} rows 60; exec ${argv.map(quoted).join(' ')}`
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: undefined, ...environment },
  })
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (child.exitCode !== 0)
    throw new Error(`${argv.join(' ')} ended with ${String(child.exitCode)}`)
  return shownLines(output, columns)
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
