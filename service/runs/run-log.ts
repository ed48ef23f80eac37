import { pino, type Logger } from 'pino'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { RunLogLine } from '../contract/runs.ts'
import type { NewLogLine, RunStore } from '../store/contract/runs.ts'
import type { Mask } from './mask.ts'

export interface RunLogOptions {
  readonly run: string
  readonly connection: string
  readonly store: Pick<RunStore, 'appendLog'>
  /** Every text of a line goes through it. */
  readonly mask: Mask
  /** Where the process logs: it gets each line too. */
  readonly logger: Logger
}

const flushEveryMs = 500
/** While the database does not answer. */
const maxWaiting = 2_000

/** The log of one run: what its logger is given is kept with the run, and goes to the process's own log. */
export class RunLog implements AsyncDisposable {
  readonly logger: Logger
  readonly #options: RunLogOptions
  readonly #timer: NodeJS.Timeout
  #waiting: NewLogLine[] = []
  #left = 0
  #flushing: Promise<void> = Promise.resolve()

  constructor(options: RunLogOptions) {
    this.#options = options
    const level = options.logger.isLevelEnabled('debug') ? 'debug' : 'info'
    this.logger = pino(
      { level, base: null },
      {
        write: (entry) => {
          this.#take(entry)
        },
      },
    )
    this.#timer = setInterval(() => void this.flush(), flushEveryMs)
  }

  /** All lines so far are kept, where the database answers; what is not stays for the next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#append())
    return this.#flushing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
    if (this.#waiting.length === 0) return
    this.#options.logger.error(
      { run: this.#options.run, lines: this.#waiting.length },
      'lines of the log of a run are lost: the metadata database does not answer',
    )
  }

  #take(entry: string): void {
    const line = lineOf(entry, this.#options.mask)
    const { run, connection, logger } = this.#options
    logger[line.level]({ run, connection, ...line.fields }, line.message)
    this.#waiting.push(line)
    if (this.#waiting.length <= maxWaiting) return
    this.#waiting.shift()
    this.#left += 1
  }

  async #append(): Promise<void> {
    const lines = this.#waiting.slice()
    if (lines.length === 0) return
    const left = this.#left
    try {
      const gap = left > 0 ? [gapLine(left, lines[0]?.atMs ?? 0)] : []
      await this.#options.store.appendLog(this.#options.run, [...gap, ...lines])
      const kept = new Set(lines)
      this.#waiting = this.#waiting.filter((line) => !kept.has(line))
      this.#left -= left
    } catch (error) {
      const { code } = ConnectError.from(error)
      this.#options.logger.debug({ code }, 'the log of a run waits for the metadata database')
    }
  }
}

function gapLine(lines: number, atMs: number): NewLogLine {
  return { atMs, level: 'warn', message: 'lines are missing here', fields: { lines } }
}

const entrySchema = z
  .object({
    level: z.number(),
    time: z.number(),
    msg: z.string().default(''),
    err: z.object({ message: z.string() }).optional(),
  })
  .catchall(z.json())

/** What pino wrote, as a line of the run. Of an error that was thrown the stack is left out: the line is for the user. */
export function lineOf(entry: string, mask: Mask): NewLogLine {
  const { level, time, msg, err, ...facts } = entrySchema.parse(JSON.parse(entry))
  const fields = { ...facts, ...(err !== undefined && { err }) }
  return {
    atMs: time,
    level: levelOf(level),
    message: mask.text(msg),
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, mask.json(value)]),
    ),
  }
}

function levelOf(level: number): RunLogLine['level'] {
  if (level >= 50) return 'error'
  if (level >= 40) return 'warn'
  return level >= 30 ? 'info' : 'debug'
}
