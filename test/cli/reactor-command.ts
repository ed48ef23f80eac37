import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { builtProgram } from '../support/program.ts'

export interface CommandEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const error = z.object({ code: z.string(), message: z.string(), suggested_fix: z.string() })

const jsonEvent = z.looseObject({
  type: z.enum(['progress', 'result']),
  streams: z.array(
    z.looseObject({
      name: z.string(),
      status: z.string(),
      loaded: z.number(),
      error: error.optional(),
    }),
  ),
  warnings: z.array(z.string()).optional(),
  error: error.optional(),
})

/** A line of `--json`. */
export type JsonEvent = z.infer<typeof jsonEvent>

export interface Started {
  readonly process: ChildProcess
  readonly end: Promise<CommandEnd>
  /**
   * Resolves as soon as the text stands in an output of the command. Rejects when the command ends without
   * it.
   */
  output(name: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>
}

interface StartOptions {
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** Starts `reactor connect run` as a user does. */
export function startRun(file: string, { args = [], env = {} }: StartOptions = {}): Started {
  return startReactor(['connect', 'run', file, ...args], env)
}

/** Starts the command with these arguments. */
export function startReactor(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  return started(
    spawn(process.execPath, [builtProgram(), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
    }),
  )
}

/** `reactor connect reset FILE …` */
export async function reset(
  file: string,
  { args = [], env = {} }: StartOptions = {},
): Promise<CommandEnd> {
  return startReactor(['connect', 'reset', file, ...args], env).end
}

/**
 * A run from the sources through npm, in a process group of its own, as a shell starts what is in front of a
 * terminal.
 */
export function startRunThroughNpm(
  file: string,
  { args = [], env = {} }: StartOptions = {},
): Started {
  return started(
    spawn('npm', ['run', '--silent', 'reactor', '--', 'connect', 'run', file, ...args], {
      cwd: join(import.meta.dirname, '../..'),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    }),
  )
}

function started(child: ChildProcessByStdio<null, Readable, Readable>): Started {
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
      child.emit('text')
    })
  }
  const end = once(child, 'close').then(([code]): CommandEnd => ({
    code: typeof code === 'number' ? code : null,
    ...texts,
  }))
  return {
    process: child,
    end,
    output: async (name, pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(texts[name])
          if (found !== null) resolve(found)
        }
        child.on('text', look)
        look()
        void end.then((ended) => {
          reject(new Error(`ended without ${String(pattern)}: ${JSON.stringify(ended)}`))
        })
      }),
  }
}

export async function run(
  file: string,
  options: { args?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<CommandEnd> {
  return startRun(file, options).end
}

export function eventsOf(end: CommandEnd): readonly JsonEvent[] {
  return end.stdout
    .trimEnd()
    .split('\n')
    .map((line) => jsonEvent.parse(JSON.parse(line)))
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
