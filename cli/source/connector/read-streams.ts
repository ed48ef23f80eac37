import type {
  Connector,
  ConnectorContext,
  PlannedSlice,
  ReadSession,
} from '../../../connectors/connector.ts'
import {
  ConnectError,
  streamIdOf,
  streamKey,
  streamLabel,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import type { AirbyteLines, WriteLines } from '../airbyte-lines.ts'
import { StreamOutput } from './stream-output.ts'
import { StreamState } from './stream-state.ts'

export interface ReadStreamsOptions {
  readonly connector: Connector
  /** The configuration now: a token of it may be replaced during the read. */
  readonly config: () => JsonObject
  readonly streams: readonly ConfiguredAirbyteStream[]
  /** `stream_state` by the key of the stream. */
  readonly states: ReadonlyMap<string, JsonValue>
  readonly context: ConnectorContext
  readonly lines: AirbyteLines
  readonly write: WriteLines
  readonly mask: (text: string) => string
}

/**
 * Reads the streams of a configured catalog as an Airbyte source does: one after the other, or all at the
 * same time if they share a reader. A stream that fails does not stop the others. Returns false if one
 * failed.
 */
export async function readStreams(options: ReadStreamsOptions): Promise<boolean> {
  const { connector, config, streams, context } = options
  await using session = await connector.openRead(
    config(),
    context,
    streams.map(({ stream }) => streamIdOf(stream)),
  )
  const readings = streams.map((stream) => new StreamRead(options, session, stream))
  if (session.isFeed === true) {
    // The reader of a feed waits for all of them.
    for (const reading of readings) await reading.plan()
    return (await Promise.all(readings.map((reading) => reading.run()))).every(Boolean)
  }
  let isComplete = true
  for (const reading of readings) {
    await reading.plan()
    if (!(await reading.run())) isComplete = false
  }
  return isComplete
}

class StreamRead {
  readonly #options: ReadStreamsOptions
  readonly #session: ReadSession
  readonly #stream: ConfiguredAirbyteStream
  readonly #output: StreamOutput
  readonly #state: StreamState
  #slices: readonly PlannedSlice[] = []
  #failure: ConnectError | undefined

  constructor(options: ReadStreamsOptions, session: ReadSession, stream: ConfiguredAirbyteStream) {
    this.#options = options
    this.#session = session
    this.#stream = stream
    const stored = options.states.get(streamKey(stream.stream))
    // A full refresh begins with the first record: the catalog says that none can be resumed.
    const isIncremental = stream.sync_mode === 'incremental'
    this.#state = StreamState.parse(isIncremental ? stored : undefined, this.#label)
    const { write, context } = options
    this.#output = new StreamOutput({
      stream: stream.stream,
      state: this.#state,
      write,
      now: () => context.now(),
    })
  }

  async plan(): Promise<void> {
    await this.#output.status('STARTED')
    await this.#noteFailure(async () => {
      const planned = await this.#session.plan(this.#stream, this.#state.states)
      this.#slices = this.#state.begin(planned)
    })
  }

  /** False if the stream failed, or was stopped. */
  async run(): Promise<boolean> {
    let isStopped = false
    await this.#noteFailure(async () => {
      await this.#output.status('RUNNING')
      for (const { slice } of this.#slices) {
        if ((await this.#readSlice(slice)) === 'stopped') {
          isStopped = true
          break
        }
        this.#output.endSlice(slice)
      }
      if (!isStopped) await this.#output.endState()
    })
    const isComplete = this.#failure === undefined && !isStopped
    await this.#output.status(isComplete ? 'COMPLETE' : 'INCOMPLETE')
    return isComplete
  }

  async #readSlice(slice: string): Promise<'complete' | 'stopped'> {
    const { connector, config, context } = this.#options
    const stream = this.#stream
    const state = this.#state.states.get(slice) ?? null
    const session = this.#session.sharedWith?.(stream) ?? this.#session.shared
    const task = { config: config(), stream, slice, state, session }
    return connector.read(task, this.#output.ofSlice(slice), context)
  }

  get #label(): string {
    return streamLabel(this.#stream.stream)
  }

  async #noteFailure(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return
    try {
      await work()
    } catch (thrown) {
      const error = ConnectError.from(thrown)
      this.#failure = error
      const { lines, mask } = this.#options
      await lines.failure({
        message: mask(`${error.message}. ${error.suggestedFix}`),
        failureType: error.failureType,
        stream: this.#stream.stream.name,
      })
    }
  }
}
