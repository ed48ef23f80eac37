import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { MaskedLine } from '../execution/masked-logger.ts'
import type { NewLogLine, RunStore } from '../runs/contract.ts'

export interface RunLogOptions {
  readonly run: string
  readonly store: Pick<RunStore, 'appendLog'>
  /** The logger of the process, for problems of this log. */
  readonly logger: Logger
}

const flushEveryMs = 500
/** Maximum number of lines that wait while the database does not respond. */
const maxWaiting = 2_000

/** The log of one run: its lines are stored with the run. */
export class RunLog implements AsyncDisposable {
  readonly #options: RunLogOptions
  readonly #timer: NodeJS.Timeout
  #waiting: NewLogLine[] = []
  #left = 0
  #flushing: Promise<void> = Promise.resolve()

  constructor(options: RunLogOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), flushEveryMs)
  }

  /** Adds a line, which must not contain secrets. */
  take({ level, ...line }: MaskedLine): void {
    this.#waiting.push({ ...line, level: level === 'trace' ? 'debug' : level })
    if (this.#waiting.length <= maxWaiting) return
    this.#waiting.shift()
    this.#left += 1
  }

  /** Stores all lines so far if the database responds; the others are stored the next time. */
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
      'lines of the log of a run are lost: the metadata database does not respond',
    )
  }

  async #append(): Promise<void> {
    const lines = this.#waiting.slice()
    if (lines.length === 0) return
    const left = this.#left
    try {
      const gap = left > 0 ? [gapLine(left, lines[0]?.atMs ?? 0)] : []
      await this.#options.store.appendLog(this.#options.run, [...gap, ...lines])
      const stored = new Set(lines)
      this.#waiting = this.#waiting.filter((line) => !stored.has(line))
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
