import type { ReadSession, SourceLag } from '../../connectors/connector.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { RunMetrics } from '../metrics/run-metrics.ts'
import type { StreamResult } from '../run-types.ts'

interface WatchedRun {
  readonly connection: string
  readonly metrics: RunMetrics
  /** That of the run. */
  readonly signal: AbortSignal
}

/** Follows the source of a continuous run, and stops the run if the source asks for that. */
export class SourceWatch implements AsyncDisposable {
  readonly #run: WatchedRun
  readonly #stop = new AbortController()
  readonly #end = new AbortController()
  readonly #watching: Promise<void>
  #error: ConnectError | undefined
  /** Undefined before the first report, and for a source that has none. */
  lag: SourceLag | undefined

  /** @param session undefined: there is nothing to watch */
  constructor(session: Pick<ReadSession, 'watch'> | undefined, run: WatchedRun) {
    this.#run = run
    const ended = AbortSignal.any([run.signal, this.#end.signal])
    const watching = session?.watch?.((lag) => {
      this.#note(lag)
    }, ended)
    this.#watching = (watching ?? Promise.resolve()).catch((thrown: unknown) => {
      this.#error = ConnectError.from(thrown)
      this.#stop.abort()
    })
  }

  /** Aborted when the run is to drain: its own signal, or the source's limit. */
  get signal(): AbortSignal {
    return AbortSignal.any([this.#run.signal, this.#stop.signal])
  }

  /** Streams that were stopped by the source have failed. */
  judge(results: readonly StreamResult[]): StreamResult[] {
    const error = this.#error?.toJSON()
    return results.map((result) =>
      error !== undefined && result.status === 'stopped'
        ? { ...result, status: 'failed' as const, error }
        : result,
    )
  }

  #note(lag: SourceLag): void {
    this.lag = lag
    const { connection, metrics } = this.#run
    metrics.sourceLagBytes.set({ connection }, lag.bytes)
    metrics.sourceLagSeconds.set({ connection }, lag.seconds)
    metrics.sourceKeptBytes.set({ connection }, lag.keptBytes)
    metrics.sourceSecondsLeft.set({ connection }, lag.secondsLeft ?? Number.POSITIVE_INFINITY)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await this.#watching
    if (this.lag !== undefined) this.#note({ ...this.lag, bytes: 0, seconds: 0 })
  }
}
