import type {
  ActionOutcome,
  ActionPreview,
  Connector,
  ConnectorContext,
  RecordOutput,
} from '../../../connectors/connector.ts'
import type { AirbyteConnectionStatus, AirbyteStream } from '../../../protocol/index.ts'
import { ConnectError, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import { neverAborted } from '../../support/signal.ts'
import { contextOf, passingWaits, type Row } from '../collected.ts'

export interface StreamRead {
  readonly rows: readonly Row[]
  /** Those before the last state: the others are discarded if the read fails. */
  readonly covered: readonly Row[]
  /** The last one. */
  readonly state: JsonValue
  /** How often it waited for a limit of the rate. */
  readonly waits: number
  readonly error: ConnectError | undefined
}

export interface SendTiming {
  readonly timeoutMs?: number
  /** As `SendOptions` has them. */
  readonly signal?: AbortSignal
  readonly stopWaiting?: AbortSignal
}

/** A connector of an HTTP API beside a simulator of its vendor on loopback. */
export class NativeConnector {
  readonly #connector: Connector
  readonly #config: JsonObject
  /** The configurations that it asked to store. */
  readonly changes: JsonObject[] = []
  /** Called when it begins to wait. */
  onWait: () => void = () => undefined
  /** The total time of its waits, which pass at once. */
  #passedMs = 0

  constructor(connector: Connector, config: JsonObject) {
    this.#connector = connector
    this.#config = config
  }

  with(changes: JsonObject): NativeConnector {
    return new NativeConnector(this.#connector, { ...this.#config, ...changes })
  }

  check(): Promise<AirbyteConnectionStatus> {
    return this.#connector.check(this.#config, this.#context())
  }

  async discover(): Promise<readonly AirbyteStream[]> {
    return (await this.#connector.discover(this.#config, this.#context())).streams
  }

  /** Reads a stream as a run does, incrementally if it can be, from a state. */
  async read(
    name: string,
    options: { readonly state?: JsonValue; readonly stopAfter?: number } = {},
  ): Promise<StreamRead> {
    const { state = null, stopAfter = Number.POSITIVE_INFINITY } = options
    const stream = (await this.discover()).find((found) => found.name === name)
    if (stream === undefined) throw new Error(`no stream ${name}`)
    const isIncremental = stream.supported_sync_modes.includes('incremental')
    const stop = new AbortController()
    const out = new StreamOutput((count) => {
      if (count >= stopAfter) stop.abort()
    })
    const task = {
      config: this.#config,
      stream: {
        stream,
        sync_mode: isIncremental ? ('incremental' as const) : ('full_refresh' as const),
        destination_sync_mode: 'append' as const,
        ...(stream.default_cursor_field !== undefined && {
          cursor_field: stream.default_cursor_field,
        }),
      },
      slice: '',
      state,
      session: null,
    }
    const error = await this.#connector.read(task, out, this.#context(stop.signal)).then(
      () => undefined,
      (cause: unknown) => ConnectError.from(cause),
    )
    return { rows: out.rows, covered: out.covered, state: out.lastState, waits: out.waits, error }
  }

  /** Sends an action as the service does. */
  async send(
    name: string,
    input: JsonObject,
    { timeoutMs = 5000, signal = neverAborted(), stopWaiting = neverAborted() }: SendTiming = {},
  ): Promise<ActionOutcome> {
    const { actions } = this.#connector
    const action = (await actions?.load())?.find(({ descriptor }) => descriptor.name === name)
    if (actions === undefined || action === undefined) throw new Error(`no action ${name}`)
    const call = action.call(input)
    await using client = await actions.open(this.#config, { ...this.#context(), instance: 'test' })
    return await client.send(call, {
      idempotencyKey: 'key-1',
      mayComeAgain: true,
      timeoutMs,
      signal,
      stopWaiting,
    })
  }

  /** The error that an action ends with. */
  async refusal(name: string, input: JsonObject, timing?: SendTiming): Promise<ConnectError> {
    try {
      await this.send(name, input, timing)
    } catch (error) {
      return ConnectError.from(error)
    }
    throw new Error(`${name} succeeded`)
  }

  async preview(name: string, input: JsonObject): Promise<ActionPreview | undefined> {
    const { actions } = this.#connector
    const action = (await actions?.load())?.find(({ descriptor }) => descriptor.name === name)
    return action && actions?.preview(action.call(input), this.#config, { idempotencyKey: 'key-1' })
  }

  #context(signal?: AbortSignal): ConnectorContext {
    return {
      ...contextOf(signal),
      allowedNetworks: ['127.0.0.1/32'],
      now: () => Date.now() + this.#passedMs,
      waits: passingWaits((seconds) => {
        this.#passedMs += seconds * 1000
        this.onWait()
      }),
      configChanged: (config) => this.changes.push(config),
    }
  }
}

class StreamOutput implements RecordOutput {
  readonly rows: Row[] = []
  covered: readonly Row[] = []
  waits = 0
  lastState: JsonValue = null
  readonly #onRows: (count: number) => void

  constructor(onRows: (count: number) => void) {
    this.#onRows = onRows
  }

  records: RecordOutput['records'] = (batch) => {
    this.rows.push(...batch)
    this.#onRows(this.rows.length)
    return Promise.resolve()
  }

  copyText(): never {
    throw new Error('an HTTP connector has no lines of COPY')
  }

  state: RecordOutput['state'] = (state) => {
    this.covered = [...this.rows]
    // As the engine stores it.
    this.lastState = JSON.parse(JSON.stringify(state)) as JsonValue
    return Promise.resolve()
  }

  rateLimited(): void {
    this.waits += 1
  }
}
