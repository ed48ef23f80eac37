import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { MaskedLine } from '../execution/masked-logger.ts'
import type { NewLogLine, RunStore } from '../runs/contract.ts'

export interface RunLogOptions {
  readonly run: string
  readonly store: Pick<RunStore, 'appendLog'>
  /** The one of the process, for what the log itself has to say. */
  readonly logger: Logger
}

const flushEveryMs = 500
/** While the database does not respond. */
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

  /** A line, in which there are no secrets any more. */
  take({ level, ...line }: MaskedLine): void {
    this.#waiting.push({ ...line, level: level === 'trace' ? 'debug' : level })
    if (this.#waiting.length <= maxWaiting) return
    this.#waiting.shift()
    this.#left += 1
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
