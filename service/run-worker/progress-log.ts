import type { Logger } from 'pino'
import type { RunProgress } from '../../engine/run-types.ts'

/** Often enough to see that a large table makes progress; an hour has 120 lines. */
const everyMs = 30_000

/**
 * Writes a line into the log of a run every now and then, so that a long run does not look as if it hangs.
 */
export class ProgressLog {
  readonly #logger: Logger
  #saidAtMs: number | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  progress({ startedAtMs, atMs, streams }: RunProgress): void {
    if (atMs - (this.#saidAtMs ?? startedAtMs) < everyMs) return
    this.#saidAtMs = atMs
    const total = { read: 0, loaded: 0, rejected: 0 }
    let done = 0
    let exchanging = 0
    for (const { status, bottleneck, read, loaded, rejected } of streams) {
      total.read += read
      total.loaded += loaded
      total.rejected += rejected
      if (status !== 'waiting' && status !== 'running') done += 1
      else if (bottleneck === 'exchange') exchanging += 1
    }
    const facts = { streams: streams.length, done, ...total }
    this.#logger.info({ ...facts, ...(exchanging > 0 && { exchanging }) }, 'progress')
  }
}
