import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { builtProgram } from '../support/program.ts'

export interface CommandEnd {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface StartedCommand {
  readonly process: ChildProcess
  readonly end: Promise<CommandEnd>
  /**
   * As soon as what it has written (to both outputs) has the text. Rejects when the command ends without it.
   */
  output(pattern: RegExp): Promise<RegExpExecArray>
}

export interface CommandOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdin?: string
  /** Default: as it is built. */
  readonly program?: string
}

/** `reactor …` as a user runs it. */
export function startCommand(
  argv: readonly string[],
  { environment, stdin, program = builtProgram() }: CommandOptions,
): StartedCommand {
  const child = spawn(process.execPath, [program, ...argv], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  })
  child.stdin.end(stdin ?? '')
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    child.emit('text')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    child.emit('text')
  })
  const end = once(child, 'close').then(() => ({ code: child.exitCode, out, err }))
  return {
    process: child,
    end,
    output: async (pattern) => {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
      const look = (): void => {
        const found = pattern.exec(out) ?? pattern.exec(err)
        if (found !== null) resolve(found)
      }
      child.on('text', look)
      look()
      void end.then((ended) => {
        reject(new Error(`ended without ${String(pattern)}: ${JSON.stringify(ended)}`))
      })
      return promise
    },
  }
}
