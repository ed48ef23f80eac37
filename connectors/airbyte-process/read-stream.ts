import {
  ConnectError,
  streamLabel,
  type AirbyteTrace,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../connector.ts'
import { noteOutput } from './ask-connector.ts'
import { ConnectorLog } from './connector-log.ts'
import { connectorObjects, connectorOutput, type ConnectorOutput } from './connector-messages.ts'
import type { ProcessDefinition } from './definition.ts'
import { endFailure, traceFailure } from './process-failure.ts'
import { countOfState, savedState, stateFile } from './saved-state.ts'
import { startConnector } from './start-connector.ts'
import type { SupervisedProcess } from './supervised-process.ts'

type TraceError = Extract<AirbyteTrace, { type: 'ERROR' }>['error']
type StreamStatus = Extract<AirbyteTrace, { type: 'STREAM_STATUS' }>['stream_status']

/** How long a read that is to stop waits for the next state. */
const stateWaitMs = 3_000

/** Reads one stream in a process of its own, from its state (ADR 22). */
export async function readStream(
  definition: ProcessDefinition,
  task: ReadTask,
  {
    out,
    context,
    paths = {},
  }: {
    readonly out: RecordOutput
    readonly context: ConnectorContext
    /** Further files, by the name of their option. */
    readonly paths?: Readonly<Record<string, string>>
  },
): Promise<'complete' | 'stopped'> {
  const { name } = task.stream.stream
  const log = new ConnectorLog(context.logger)
  const files = {
    config: task.config,
    catalog: { streams: [configuredStream(task.stream)] },
    state: stateFile(task.state, name),
  }
  await using started = startConnector(definition, { command: 'read', files, paths }, log.errorLine)
  const { process } = started
  const reading = new StreamReading({ task, out, context, log })
  using stop = new ReadStop(process, context.signal)
  const readOutput = out.jsonObjects === undefined ? connectorOutput : connectorObjects
  for await (const batch of readOutput(process.output())) {
    for (const output of batch) {
      if (reading.isCovered && stop.isWanted) return 'stopped'
      await reading.take(output)
    }
  }
  const end = await process.ended
  if (stop.isWanted) return stopped(reading, streamLabel(task.stream.stream))
  const subject = `Stream ${name}`
  const { lastLines } = process
  const failure = reading.failure(subject) ?? endFailure(end, { definition, lastLines, subject })
  if (failure !== undefined) throw failure
  await reading.end()
  return 'complete'
}

/** Properties of ours, which no connector knows. */
const ownProperties = new Set(['source_columns', 'is_cursor_ordered'])

/** Only the properties of the protocol, and only destination modes that every source knows. */
function configuredStream({ stream, ...configured }: ConfiguredAirbyteStream): JsonObject {
  const known = Object.entries(stream).filter(([name]) => !ownProperties.has(name))
  const mode = configured.destination_sync_mode
  const isKnown = mode === 'append' || mode === 'overwrite' || mode === 'append_dedup'
  return JSON.parse(
    JSON.stringify({
      ...configured,
      stream: Object.fromEntries(known),
      destination_sync_mode: isKnown ? mode : 'append',
    }),
  ) as JsonObject
}

function stopped(reading: StreamReading, stream: string): 'stopped' {
  if (reading.isCovered) return 'stopped'
  const reason = 'the connector had sent no state since its last records'
  throw new ConnectError('source_read_interrupted', { details: { stream, reason } })
}

/** Stops a process whose read is to stop: at its next state, or without one after some time. */
class ReadStop implements Disposable {
  readonly #signal: AbortSignal
  readonly #process: SupervisedProcess
  #timer: NodeJS.Timeout | undefined

  constructor(process: SupervisedProcess, signal: AbortSignal) {
    this.#process = process
    this.#signal = signal
    signal.addEventListener('abort', this.#begin, { once: true })
    if (signal.aborted) this.#begin()
  }

  get isWanted(): boolean {
    return this.#signal.aborted
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#begin)
    clearTimeout(this.#timer)
  }

  readonly #begin = (): void => {
    this.#timer = setTimeout(() => {
      this.#process.stop()
    }, stateWaitMs)
  }
}

interface StreamReadingOptions {
  readonly task: ReadTask
  readonly out: RecordOutput
  readonly context: ConnectorContext
  readonly log: ConnectorLog
}

/** The stream as far as its process has sent it. */
class StreamReading {
  readonly #options: StreamReadingOptions
  /** A full refresh that cannot resume has one state, at its end. */
  readonly #holdsStates: boolean
  #lastState: JsonValue
  #hasHeldState = false
  /** Records since the last state of the connector. */
  #count = 0
  #failure: TraceError | undefined
  #status: StreamStatus['status'] | undefined
  #hasOtherStreams = false
  /** Whether a state covers every record so far. */
  isCovered = true

  constructor(options: StreamReadingOptions) {
    this.#options = options
    const { stream, sync_mode: mode } = options.task.stream
    this.#holdsStates = mode === 'full_refresh' && stream.is_resumable !== true
    this.#lastState = options.task.state
  }

  async take(output: ConnectorOutput): Promise<void> {
    switch (output.kind) {
      case 'records':
        await this.#records(output)
        return
      case 'objects':
        await this.#objects(output)
        return
      case 'state':
        await this.#state(output.state)
        return
      case 'invalid': {
        const details = { subject: this.#subject, reason: output.reason }
        throw new ConnectError('airbyte_message_invalid', { details })
      }
      case 'message':
      case 'text':
        this.#note(output)
    }
  }

  /** Why the stream is not complete, although the process may have ended well. */
  failure(subject: string): ConnectError | undefined {
    if (this.#failure !== undefined) return traceFailure(this.#failure, subject)
    if (this.#status !== 'INCOMPLETE') return undefined
    const reason = 'the connector reported that the stream is incomplete, and gave no reason'
    return new ConnectError('airbyte_process_failed', { details: { subject, reason } })
  }

  /** The stream is complete: the last records are covered too. */
  async end(): Promise<void> {
    if (this.isCovered && !this.#hasHeldState) return
    await this.#options.out.state(this.#lastState)
    this.isCovered = true
  }

  get #subject(): string {
    return `Stream ${this.#options.task.stream.stream.name}`
  }

  async #records({
    stream,
    namespace,
    records,
    emittedAtMs,
  }: Extract<ConnectorOutput, { kind: 'records' }>): Promise<void> {
    if (!this.#isOwn({ name: stream, namespace })) {
      this.#noteOtherStream(stream)
      return
    }
    this.isCovered = false
    this.#count += records.length
    await this.#options.out.records(records, emittedAtMs)
  }

  async #objects({
    stream,
    namespace,
    objects,
    emittedAtMs,
  }: Extract<ConnectorOutput, { kind: 'objects' }>): Promise<void> {
    if (!this.#isOwn({ name: stream, namespace })) {
      this.#noteOtherStream(stream)
      return
    }
    this.isCovered = false
    this.#count += objects.bounds.length / 2
    try {
      await this.#options.out.jsonObjects?.(objects, emittedAtMs)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      const details = { subject: this.#subject, reason: 'the data of a record is no JSON object' }
      throw new ConnectError('airbyte_message_invalid', { details, cause: error })
    }
  }

  async #state(state: JsonObject): Promise<void> {
    const saved = savedState(state, this.#options.task.stream.stream)
    if (saved === undefined) return
    this.#checkCount(state)
    this.#count = 0
    this.#lastState = saved
    if (this.#holdsStates) {
      this.#hasHeldState = true
      return
    }
    await this.#options.out.state(saved)
    this.isCovered = true
  }

  /** A record that was lost on the way would be missing for good. */
  #checkCount(state: JsonObject): void {
    const counted = countOfState(state)
    if (counted === undefined || counted === this.#count) return
    const reason = `a state counts ${counted} records since the one before it, and ${this.#count} arrived`
    throw new ConnectError('airbyte_message_invalid', {
      details: { subject: this.#subject, reason },
    })
  }

  #note(output: Extract<ConnectorOutput, { kind: 'message' | 'text' }>): void {
    const error = noteOutput(output, this.#options)
    if (error !== undefined && this.#isOwn(error.stream_descriptor ?? undefined))
      this.#failure ??= error
    if (output.kind !== 'message' || output.message.type !== 'TRACE') return
    const { trace } = output.message
    if (trace.type === 'STREAM_STATUS') this.#noteStatus(trace.stream_status)
  }

  #isOwn(stream: { readonly name: string; readonly namespace?: string | undefined } | undefined) {
    const own = this.#options.task.stream.stream
    return stream === undefined || (stream.name === own.name && stream.namespace === own.namespace)
  }

  #noteStatus({ stream_descriptor: stream, status, reasons }: StreamStatus): void {
    if (!this.#isOwn(stream)) return
    this.#status = status
    for (const { type, rate_limited: limit } of reasons ?? [])
      if (type === 'RATE_LIMITED' && limit?.quota_reset !== undefined)
        this.#options.out.rateLimited(limit.quota_reset)
  }

  #noteOtherStream(stream: string): void {
    if (this.#hasOtherStreams) return
    this.#hasOtherStreams = true
    this.#options.context.logger.warn(
      { other: stream },
      'the connector sent records of a stream that it was not asked for; they are not loaded',
    )
  }
}
