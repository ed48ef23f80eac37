import { z } from 'zod'
import type {
  Connector,
  ConnectorContext,
  PlannedSlice,
  ReadTask,
  RecordOutput,
  Waits,
} from '../../connectors/connector.ts'
import {
  streamIdOf,
  type AirbyteStream,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
  type RecordData,
} from '../../protocol/index.ts'
import { silent } from '../support/logger.ts'
import { neverAborted } from '../support/signal.ts'

export type Row = Record<string, unknown>

/** The output of a read, in order. COPY lines become rows of unescaped text by column. */
export class Collected implements RecordOutput {
  readonly rows: Row[] = []
  readonly states: { readonly state: JsonValue; readonly rowsBefore: number }[] = []
  readonly #names: readonly string[]
  readonly #onRows: (count: number) => void

  constructor(stream: AirbyteStream, onRows: (count: number) => void = () => undefined) {
    this.#names = Object.keys(asObject(stream.json_schema.properties))
    this.#onRows = onRows
  }

  async records(batch: readonly RecordData[]): Promise<void> {
    this.rows.push(...batch)
    this.#onRows(this.rows.length)
    return Promise.resolve()
  }

  async copyText(lines: Uint8Array): Promise<void> {
    const text = Buffer.from(lines).toString('utf8')
    if (!text.endsWith('\n')) throw new Error('the chunk does not end with a whole line')
    for (const line of text.slice(0, -1).split('\n')) {
      const values = line.split('\t').map(copyValue)
      if (values.length !== this.#names.length) throw new Error('a line has not all columns')
      this.rows.push(Object.fromEntries(this.#names.map((name, i) => [name, values[i]])))
    }
    this.#onRows(this.rows.length)
    return Promise.resolve()
  }

  async state(state: JsonValue): Promise<void> {
    // Stored as the engine stores it: a state must not contain anything that does not survive JSON.
    const stored = z.json().parse(JSON.parse(JSON.stringify(state)))
    this.states.push({ state: stored, rowsBefore: this.rows.length })
    return Promise.resolve()
  }

  rateLimited(): void {
    throw new Error('no connector here waits for a rate limit')
  }

  /** The rows that the last state covers. */
  get covered(): readonly Row[] {
    return this.rows.slice(0, this.states.at(-1)?.rowsBefore ?? 0)
  }

  get lastState(): JsonValue | null {
    return this.states.at(-1)?.state ?? null
  }
}

export function contextOf(
  signal: AbortSignal = neverAborted(),
  warn: (text: string) => void = () => undefined,
): ConnectorContext {
  return { logger: silent, signal, allowedNetworks: ['127.0.0.1/32'], now: Date.now, warn }
}

/** How long a request waits for the next part of its response. */
export const readTimeoutMs = 60_000

/** Waits that pass at once: `pass` moves the clock of the test. */
export function passingWaits(pass: (seconds: number) => void): Waits {
  return {
    readTimeoutMs,
    sleep: async (seconds, stopped) => {
      stopped.throwIfAborted()
      pass(seconds)
      // Others get their turn, as they would while this one sleeps.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

export async function discovered(
  connector: Connector,
  config: JsonObject,
  name: string,
): Promise<AirbyteStream> {
  const { streams } = await connector.discover(config, contextOf())
  const stream = streams.find((candidate) => candidate.name === name)
  if (stream === undefined) throw new Error(`no stream ${name}`)
  return stream
}

export function fullRefreshOf(stream: AirbyteStream): ConfiguredAirbyteStream {
  return { stream, sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' }
}

export function incrementalOf(stream: AirbyteStream, cursor: string): ConfiguredAirbyteStream {
  return {
    stream,
    sync_mode: 'incremental',
    destination_sync_mode: 'append',
    cursor_field: [cursor],
  }
}

/** How long the reads of a test file have waited: at once, and their clock has gone on by it. */
let waitedMs = 0

/** Returns the context that a connector reads with. Waits on its clock pass at once. */
function readContext(...parameters: Parameters<typeof contextOf>): ConnectorContext {
  return {
    ...contextOf(...parameters),
    now: () => Date.now() + waitedMs,
    waits: passingWaits((seconds) => {
      waitedMs += seconds * 1000
    }),
  }
}

export interface SliceRun extends PlannedSlice {
  readonly outcome: 'complete' | 'stopped'
  readonly out: Collected
  readonly warnings: readonly string[]
}

/** Plans and reads every slice one after the other, as a run does with one lane. */
export async function readAll(
  connector: Connector,
  config: JsonObject,
  options: {
    readonly stream: ConfiguredAirbyteStream
    readonly states?: ReadonlyMap<string, JsonValue | null>
    /** Stop each slice after about this number of rows. */
    readonly stopAfter?: number
    /** Stop before anything is read. */
    readonly stopFirst?: boolean
    readonly backfills?: boolean
    /** Called between the opening of the session and the first read. */
    readonly afterOpen?: () => Promise<void>
  },
): Promise<SliceRun[]> {
  const { stream, states = new Map() } = options
  const planned = [streamIdOf(stream.stream)]
  await using session = await connector.openRead(config, readContext(), planned)
  const slices = await session.plan(stream, states)
  const shared = session.sharedWith?.(stream) ?? session.shared
  await options.afterOpen?.()
  const runs: SliceRun[] = []
  for (const slice of slices) {
    const stop = new AbortController()
    if (options.stopFirst === true) stop.abort()
    const out = new Collected(stream.stream, (count) => {
      if (options.stopAfter !== undefined && count >= options.stopAfter) stop.abort()
    })
    const task: ReadTask = {
      config,
      stream,
      slice: slice.slice,
      state: slice.state,
      session: structuredClone(shared),
      ...(options.backfills === true && { backfills: true }),
    }
    const warnings: string[] = []
    const context = readContext(stop.signal, (text) => warnings.push(text))
    const outcome = await connector.read(task, out, context)
    runs.push({ ...slice, outcome, out, warnings })
  }
  return runs
}

/** The states that a checkpoint would hold after a run. */
export function statesOf(runs: readonly SliceRun[]): Map<string, JsonValue | null> {
  return new Map(runs.map(({ slice, state, out }) => [slice, out.lastState ?? state]))
}

export function rowsOf(runs: readonly SliceRun[]): Row[] {
  return runs.flatMap(({ out }) => out.rows)
}

const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

function copyValue(raw: string): string | null {
  if (raw === '\\N') return null
  return raw.replace(/\\(.)/gs, (_, escaped: string) => escapes[escaped] ?? escaped)
}

function asObject(value: JsonValue | undefined): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('not an object')
  }
  return value as JsonObject
}
