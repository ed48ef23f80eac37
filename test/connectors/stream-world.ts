import undiciTimers from 'undici/lib/util/timers.js'
import type { Connector, ConnectorContext, RecordOutput } from '../../connectors/connector.ts'
import type {
  AirbyteConnectionStatus,
  AirbyteStream,
  ConfiguredAirbyteStream,
  JsonObject,
  JsonValue,
  RecordData,
} from '../../protocol/index.ts'
import { ConnectError } from '../../protocol/index.ts'
import { FaultGate, type Fault, type GateRequest } from '../fakes/fault-gate.ts'
import { contextOf, passingWaits, readTimeoutMs, type Row } from './collected.ts'

/**
 * The vendor of a connector, with some records in each list, and the facts that the contract of streams needs
 * about it.
 */
export interface StreamWorld extends AsyncDisposable {
  /** The URL of the simulator. */
  readonly url: string
  /** Milliseconds since 1970: the clock of the vendor, and of the connector. */
  now(): number
  /** Lets time pass. */
  pass(seconds: number): void
  /** So long a request takes, for streams that emit a state once in ten minutes; default: no time. */
  readonly secondsOfRequest?: number
  configOf(url: string): JsonObject
  /**
   * The lists that others change while a stream is read. Each is named as its stream, unless it says
   * otherwise.
   */
  readonly lists: Readonly<Record<string, LiveList>>
}

/**
 * A list of the vendor whose records are those of a stream. The vendor does not have members that are
 * undefined.
 */
export interface LiveList {
  /** The stream that reads it, if it has another name. */
  readonly stream?: string
  /** Matches the requests for its pages. */
  readonly pages: (request: GateRequest) => boolean
  /** The keys of its records that are in a row. Default: that of the row. */
  keysIn?(row: Row): readonly string[]
  /** The key of the record after which the page of the request begins. Default: that of the last row. */
  lastBefore?(request: GateRequest): string | undefined
  /** The keys of its records in the order in which they are paged, as `keyOf` writes them. */
  keys(): readonly string[]
  /** Something new, where the vendor puts it. Returns its key. */
  insert?(): string
  remove?(key: string): void
  /**
   * Changes a record: `mark` is then in it. The record takes the place that the vendor gives to the record
   * that was changed last.
   */
  touch?(key: string, mark: string): void
}

export interface StreamRead {
  readonly rows: readonly Row[]
  /** Each with the number of rows before it. */
  readonly states: readonly { readonly state: JsonValue; readonly rowsBefore: number }[]
  readonly outcome: 'complete' | 'stopped' | 'failed'
  readonly error?: ConnectError
  readonly waits: readonly number[]
}

export interface ReadOptions {
  readonly state?: JsonValue | null
  /** The reader is gone after this number of states: nothing is taken any more. */
  readonly killAfter?: number
  /** The read is asked to stop after this number of states. */
  readonly stopAfter?: number
  readonly onRequest?: (request: GateRequest, rows: readonly Row[]) => Fault | undefined
}

/** A connector beside its vendor, with a gate between them in which requests can go wrong. */
export class StreamBench implements AsyncDisposable {
  readonly world: StreamWorld
  readonly #connector: Connector
  readonly #gate: FaultGate
  #streams: Promise<readonly AirbyteStream[]> | undefined

  private constructor(connector: Connector, world: StreamWorld, gate: FaultGate) {
    this.#connector = connector
    this.world = world
    this.#gate = gate
  }

  static async open(connector: Connector, open: () => Promise<StreamWorld>): Promise<StreamBench> {
    const world = await open()
    return new StreamBench(connector, world, await FaultGate.start(world.url))
  }

  get config(): JsonObject {
    return this.world.configOf(this.#gate.url)
  }

  async discover(): Promise<readonly AirbyteStream[]> {
    return (await this.#connector.discover(this.config, this.#context())).streams
  }

  /** As they were discovered first. */
  streams(): Promise<readonly AirbyteStream[]> {
    this.#streams ??= this.discover()
    return this.#streams
  }

  check(config: JsonObject): Promise<AirbyteConnectionStatus> {
    return this.#connector.check(config, this.#context())
  }

  async read(stream: ConfiguredAirbyteStream, options: ReadOptions = {}): Promise<StreamRead> {
    const { state = null, onRequest } = options
    const stop = new AbortController()
    const out = new KillableOutput(options, stop)
    const waits: number[] = []
    this.#gate.onRequest = (request) => {
      const fault = onRequest?.(request, out.rows)
      if (fault === 'hang') setImmediate(passReadTimeout)
      return fault
    }
    const task = { config: this.config, stream, slice: '', state, session: null }
    const ended = await this.#connector
      .read(task, out, this.#context({ waits, signal: stop.signal }))
      .then(
        (outcome) => ({ outcome }),
        (error: unknown) => ({ outcome: 'failed' as const, error: ConnectError.from(error) }),
      )
      .finally(() => {
        this.#gate.onRequest = () => undefined
      })
    return { rows: out.rows, states: out.states, waits, ...ended }
  }

  #context({
    waits = [],
    signal,
  }: {
    readonly waits?: number[]
    readonly signal?: AbortSignal
  } = {}): ConnectorContext {
    const quick = passingWaits((seconds) => {
      waits.push(seconds)
      this.world.pass(seconds)
    })
    return { ...contextOf(signal), now: () => this.world.now(), waits: quick }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gate[Symbol.asyncDispose]()
    await this.world[Symbol.asyncDispose]()
  }
}

/**
 * The clock of undici, by which the timeouts of its requests pass, goes on by a read timeout and a little
 * more. No other request waits then: a stream sends one at a time.
 */
function passReadTimeout(): void {
  // A timer begins with the tick after it was set.
  undiciTimers.tick()
  undiciTimers.tick(readTimeoutMs + 1000)
}

class KillableOutput implements RecordOutput {
  readonly rows: Row[] = []
  readonly states: { readonly state: JsonValue; readonly rowsBefore: number }[] = []
  readonly #options: ReadOptions
  readonly #stop: AbortController

  constructor(options: ReadOptions, stop: AbortController) {
    this.#options = options
    this.#stop = stop
  }

  records(batch: readonly RecordData[]): Promise<void> {
    return this.#unlessKilled(() => this.rows.push(...batch))
  }

  copyText(): never {
    throw new Error('an HTTP connector has no lines of COPY')
  }

  state(state: JsonValue): Promise<void> {
    return this.#unlessKilled(() => {
      // As the engine stores it.
      const stored = JSON.parse(JSON.stringify(state)) as JsonValue
      this.states.push({ state: stored, rowsBefore: this.rows.length })
      if (this.states.length === this.#options.stopAfter) this.#stop.abort()
    })
  }

  rateLimited(): void {
    // A sign of life.
  }

  async #unlessKilled(take: () => void): Promise<void> {
    if (this.states.length === this.#options.killAfter) throw new Error('the reader was killed')
    take()
    return Promise.resolve()
  }
}

/** The rows that a state covers: those after it are discarded when a read ends early. */
export function coveredRows({ rows, states }: StreamRead): readonly Row[] {
  return rows.slice(0, states.at(-1)?.rowsBefore ?? 0)
}

export function lastState({ states }: StreamRead): JsonValue | null {
  return states.at(-1)?.state ?? null
}

/** The key of a record as text. */
export function keyOf(stream: AirbyteStream, row: Row): string {
  const key = stream.source_defined_primary_key ?? []
  return JSON.stringify(key.map(([name = '']) => row[name] ?? null))
}

export function keysOf(stream: AirbyteStream, rows: readonly Row[]): readonly string[] {
  return rows.map((row) => keyOf(stream, row))
}
