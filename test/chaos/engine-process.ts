import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { once } from 'node:events'
import { z } from 'zod'

/** A run may wait for servers that come back; longer than this and it is stuck. */
const limitMs = 180_000

const errorSchema = z.looseObject({ code: z.string(), message: z.string() })
const eventSchema = z.looseObject({
  type: z.string(),
  status: z.string().optional(),
  error: errorSchema.optional(),
  streams: z
    .array(
      z.looseObject({
        name: z.string(),
        status: z.string(),
        loaded: z.number(),
        error: errorSchema.optional(),
      }),
    )
    .default([]),
})
type RunEvent = z.infer<typeof eventSchema>

export interface EngineEnd {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly result: RunEvent | undefined
  readonly stderr: string
  readonly seconds: number
  /**
   * The progress of a run that was ended at the limit. It distinguishes a run that is stuck from a run that
   * got no processor time.
   */
  readonly stuck: string | undefined
}

/** The engine as a user runs it: `reactor connect run FILE --json`. */
export class EngineProcess {
  readonly process: ChildProcess
  readonly ended: Promise<EngineEnd>
  #loaded = 0

  constructor(program: string, file: string) {
    const startedMs = Date.now()
    const child = spawn(process.execPath, [program, 'connect', 'run', file, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process = child
    let stderr = ''
    let lastLine = ''
    let stuck: string | undefined
    const limit = setTimeout(() => {
      const seconds = processorSeconds(child.pid).toFixed(1)
      stuck = `ended at the limit of ${String(limitMs / 1000)} s, after ${seconds} s of processor time; its last event: ${lastLine.slice(0, 2_000)}`
      child.kill('SIGKILL')
    }, limitMs)
    child.once('close', () => {
      clearTimeout(limit)
    })
    let result: RunEvent | undefined
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      lastLine = line
      const event = eventSchema.parse(JSON.parse(line))
      this.#loaded = event.streams.reduce((sum, { loaded }) => sum + loaded, 0)
      if (event.type === 'result') result = event
    })
    this.ended = once(child, 'close').then(([code]: (number | null)[]) => ({
      code: code ?? null,
      result,
      stderr,
      seconds: (Date.now() - startedMs) / 1000,
      stuck,
    }))
  }

  /** Rows that it says it has loaded. */
  get loaded(): number {
    return this.#loaded
  }

  get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }
}

/** Works on Linux; NaN elsewhere. */
function processorSeconds(pid: number | undefined): number {
  if (process.platform !== 'linux') return Number.NaN
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .split(') ')[1]
      ?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Codes that no fault from outside may lead to: they say that the engine contradicts itself. */
const forbidden = ['unexpected', 'accounting_mismatch', 'log_out_of_order', 'log_position_mismatch']
/** Text that no person should have to read. */
const unreadable = [/\(none\)/, /\bundefined\b/, /\[object /, /^\s+at .+:\d+:\d+/m, /\(node:\d+\)/]

/** Returns the mistakes in the output of the engine while it was disturbed; undefined if there are none. */
export function badWordsOf({ stderr, result }: EngineEnd): string | undefined {
  const errors = [result?.error, ...(result?.streams.map(({ error }) => error) ?? [])]
  for (const error of errors) {
    if (error !== undefined && forbidden.includes(error.code))
      return `${error.code}: ${error.message}`
  }
  // Servers use some of the words too: a code stands as `code=…` in the log, and in brackets in the end.
  const code = forbidden.find((name) =>
    new RegExp(String.raw`code=${name}\b|\[${name}\]`).test(stderr),
  )
  if (code !== undefined) return `stderr has the code ${code}`
  const pattern = unreadable.find((words) => words.test(stderr))
  return pattern && `stderr has ${String(pattern)}`
}
