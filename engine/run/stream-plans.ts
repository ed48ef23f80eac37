import type { Logger } from 'pino'
import { SharedLook } from '../../lib/async/shared-look.ts'
import { ConnectError, type StreamId, streamIdOf, streamKey } from '../../protocol/index.ts'
import type { RunPorts } from '../ports.ts'
import type { PlannedStream } from '../run-types.ts'

/** The streams of a continuous run, as they are planned now. */
export class StreamPlans {
  /** A stream fails because its table has changed: a discovery from before would find the old one. */
  readonly #look: SharedLook<readonly PlannedStream[]> | undefined
  readonly #logger: Logger

  /** @param replan undefined: the plans of the run stay */
  constructor(replan: RunPorts['replan'], logger: Logger) {
    this.#look = replan && new SharedLook(replan)
    this.#logger = logger
  }

  get canChange(): boolean {
    return this.#look !== undefined
  }

  /** All streams; none if they cannot be discovered now. */
  async all(): Promise<readonly PlannedStream[]> {
    if (this.#look === undefined) return []
    try {
      return await this.#look.fresh()
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
