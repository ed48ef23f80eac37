import type { Logger } from 'pino'
import { ConnectError, type StreamId, streamIdOf, streamKey } from '../../protocol/index.ts'
import type { RunPorts } from '../ports.ts'
import type { PlannedStream } from '../run-types.ts'

/** Streams that need new plans at the same time get those of one discovery. */
const sameMomentMs = 500

/** The streams of a continuous run, as they are planned now. */
export class StreamPlans {
  readonly #replan: RunPorts['replan']
  readonly #logger: Logger
  #last: { readonly atMs: number; readonly streams: Promise<readonly PlannedStream[]> } | undefined

  /** @param replan undefined: the plans of the run stay */
  constructor(replan: RunPorts['replan'], logger: Logger) {
    this.#replan = replan
    this.#logger = logger
  }

  get canChange(): boolean {
    return this.#replan !== undefined
  }

  /** All streams; none if they cannot be discovered now. */
  async all(): Promise<readonly PlannedStream[]> {
    if (this.#replan === undefined) return []
    const now = performance.now()
    if (this.#last === undefined || now - this.#last.atMs > sameMomentMs)
      this.#last = { atMs: now, streams: this.#replan() }
    try {
      return await this.#last.streams
    } catch (error) {
      const { code, message: reason } = ConnectError.from(error)
      this.#logger.warn({ code, reason }, 'the streams of the source could not be found again')
      return []
    }
  }

  /** The stream as it is planned now; undefined if that is not known. */
  async planOf(id: StreamId): Promise<PlannedStream | undefined> {
    const key = streamKey(id)
    const streams = await this.all()
    return streams.find(({ stream }) => streamKey(streamIdOf(stream.stream)) === key)
  }
}
