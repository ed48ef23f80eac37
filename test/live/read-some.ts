import type { Connector, ReadTask, RecordOutput } from '../../connectors/connector.ts'
import { stringifyExact } from '../../protocol/exact-json.ts'
import {
  ConnectError,
  streamIdOf,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
  type RecordData,
} from '../../protocol/index.ts'
import { contextOf } from '../connectors/collected.ts'

/** Enough to see the forms of records. A read ends with the page that holds the last one. */
const maxRecords = 200
/** A vendor may let a stream wait for its rate limit longer than a person wants to wait. */
const maxReadMs = 90_000

export type States = ReadonlyMap<string, JsonValue | null>

export interface SomeRecords {
  /** Those that the states cover; all if it cannot continue. */
  readonly records: readonly JsonObject[]
  readonly states: States
  /** Whether the read came to its end. */
  readonly isComplete: boolean
  /** False if it was stopped where no state can stand: the next read begins at the start. */
  readonly canContinue: boolean
}

/** Reads a stream from its states on, up to a small number of records, and by the clock of the machine. */
export async function readSome(
  connector: Connector,
  config: JsonObject,
  { stream, states }: { readonly stream: ConfiguredAirbyteStream; readonly states: States },
): Promise<SomeRecords> {
  const records: JsonObject[] = []
  const next = new Map(states)
  let isComplete = true
  let canContinue = true
  const late = AbortSignal.timeout(maxReadMs)
  await using session = await connector.openRead(config, contextOf(), [streamIdOf(stream.stream)])
  const planned = await session.plan(stream, states)
  for (const { slice, state } of planned) {
    if (records.length >= maxRecords || late.aborted) {
      isComplete = false
      next.set(slice, state)
      continue
    }
    const stop = new AbortController()
    const out = new SliceOutput(() => {
      stop.abort()
    }, maxRecords - records.length)
    const shared = session.sharedWith?.(stream) ?? session.shared
    const task: ReadTask = { config, stream, slice, state, session: structuredClone(shared) }
    const context = contextOf(AbortSignal.any([stop.signal, late]))
    const outcome = await connector.read(task, out, context).catch((error: unknown) => {
      if (!isInterrupted(error)) throw error
      return 'interrupted' as const
    })
    isComplete &&= outcome === 'complete'
    canContinue &&= outcome !== 'interrupted'
    records.push(...out.rows.slice(0, outcome === 'interrupted' ? out.rows.length : out.covered))
    next.set(slice, out.lastState ?? state)
  }
  return { records, states: next, isComplete, canContinue }
}

function isInterrupted(error: unknown): boolean {
  return error instanceof ConnectError && error.code === 'source_read_interrupted'
}

class SliceOutput implements RecordOutput {
  readonly rows: JsonObject[] = []
  covered = 0
  lastState: JsonValue | null = null
  readonly #stop: () => void
  readonly #max: number

  constructor(stop: () => void, max: number) {
    this.#stop = stop
    this.#max = max
  }

  records(batch: readonly RecordData[]): Promise<void> {
    // As JSON has them: numbers may have more digits than a double, and fields may be undefined.
    for (const record of batch) this.rows.push(JSON.parse(stringifyExact(record)) as JsonObject)
    if (this.rows.length >= this.#max) this.#stop()
    return Promise.resolve()
  }

  copyText(): Promise<void> {
    throw new TypeError('an HTTP source sends objects')
  }

  state(state: JsonValue): Promise<void> {
    this.lastState = JSON.parse(stringifyExact(state)) as JsonValue
    this.covered = this.rows.length
    return Promise.resolve()
  }

  rateLimited(): void {
    // The read goes on by itself once the limit is over.
  }
}
