import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadSession, ReadTask, RecordOutput } from '../../connectors/connector.ts'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import {
  type AirbyteStream,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
  type RecordData,
  type RecordValue,
  streamIdOf,
} from '../../protocol/index.ts'
import { Collected, contextOf, type Row } from './collected.ts'

const lsn = '_ab_cdc_lsn'
const deletedAt = '_ab_cdc_deleted_at'

/** A table at a destination that merges by key, and forgets what was not committed. */
export class MergedTable {
  readonly rows = new Map<string, Row>()
  state: JsonValue | null = null
  readonly #stream: AirbyteStream
  readonly #key: readonly string[]

  constructor(stream: AirbyteStream) {
    this.#stream = stream
    this.#key = (stream.source_defined_primary_key ?? []).flat()
  }

  get stream(): AirbyteStream {
    return this.#stream
  }

  merge(change: Row): void {
    const row = Object.fromEntries(
      Object.entries(change).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, textOf(value as RecordValue)]],
      ),
    )
    if (this.#key.length > 0 && this.#key.every((name) => row[name] === null)) {
      this.#sweep(orderOf(row))
      return
    }
    const key = JSON.stringify(this.#key.map((name) => row[name]))
    const present = this.rows.get(key)
    if (present !== undefined && orderOf(row) < orderOf(present)) return
    if (row[deletedAt] !== null && row[deletedAt] !== undefined) this.rows.delete(key)
    else this.rows.set(key, { ...present, ...row })
  }

  #sweep(bound: bigint): void {
    for (const [key, row] of this.rows) if (orderOf(row) < bound) this.rows.delete(key)
  }

  /** The columns of the source, in the order of the key. */
  contents(): Row[] {
    return [...this.rows]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([, row]) =>
        Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('_ab_cdc_'))),
      )
  }
}

function orderOf(row: Row): bigint {
  return BigInt(String(row[lsn]).replace('.', ''))
}

function textOf(value: RecordValue): unknown {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (typeof value === 'object' && 'rawJSON' in value) return value.rawJSON
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

interface Unit {
  readonly rows: readonly Row[]
  readonly state: JsonValue
}

/** Collects until a state comes, and commits a while after it. */
export class CommittingOutput implements RecordOutput {
  readonly #table: MergedTable
  readonly #collected: Collected
  readonly #onRows: () => void
  readonly #delayMs: () => number
  #listener: ((state: JsonValue) => void) | undefined
  #taken = 0
  #isKilled = false
  readonly #units: Unit[] = []
  #committing: Promise<void> | undefined

  constructor(
    table: MergedTable,
    { onRows = () => undefined, delayMs = () => 0 }: OutputOptions = {},
  ) {
    this.#table = table
    this.#collected = new Collected(table.stream)
    this.#onRows = onRows
    this.#delayMs = delayMs
  }

  get emitted(): readonly Row[] {
    return this.#collected.rows
  }

  async records(batch: readonly RecordData[]): Promise<void> {
    await this.#collected.records(batch)
    this.#onRows()
  }

  async copyText(lines: Uint8Array): Promise<void> {
    await this.#collected.copyText(lines)
    this.#onRows()
  }

  async state(state: JsonValue): Promise<void> {
    await this.#collected.state(state)
    const rows = this.#collected.rows.slice(this.#taken)
    this.#taken = this.#collected.rows.length
    this.#units.push({ rows, state })
    this.#committing ??= this.#commit()
  }

  async #commit(): Promise<void> {
    for (let unit = this.#units.shift(); unit !== undefined; unit = this.#units.shift()) {
      await sleep(this.#delayMs())
      if (this.#isKilled) break
      for (const row of unit.rows) this.#table.merge(row)
      this.#table.state = unit.state
      this.#listener?.(unit.state)
    }
    this.#committing = undefined
  }

  rateLimited(): void {
    throw new Error('no rate limit')
  }

  onCommitted(listener: (state: JsonValue) => void): void {
    this.#listener = listener
  }

  /** Nothing that was not committed will be. */
  kill(): void {
    this.#isKilled = true
  }

  async settled(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing
  }
}

interface OutputOptions {
  readonly onRows?: () => void
  readonly delayMs?: () => number
}

export interface FeedRun {
  readonly outcomes: readonly ('complete' | 'stopped' | Error)[]
  readonly warnings: readonly string[]
  readonly outputs: readonly CommittingOutput[]
}

/** Runs all streams of a configuration as the engine does: all reads at the same time. */
export async function runFeed(
  config: JsonObject,
  tables: readonly MergedTable[],
  options: OutputOptions & {
    readonly signal?: AbortSignal
    readonly isContinuous?: boolean
    readonly afterOpen?: (session: ReadSession) => Promise<void>
    readonly outputs?: CommittingOutput[]
  } = {},
): Promise<FeedRun> {
  const warnings: string[] = []
  const context = contextOf(options.signal, (text) => warnings.push(text))
  const configured = tables.map(({ stream }) => dedupOf(stream))
  await using session = await postgresConnector.openRead(
    config,
    context,
    configured.map(({ stream }) => streamIdOf(stream)),
  )
  await options.afterOpen?.(session)
  const outputs = options.outputs ?? []
  const outcomes = await Promise.all(
    tables.map(async (table, index) => {
      const stream = configured[index]
      if (stream === undefined) throw new Error('no stream')
      const [planned] = await session.plan(stream, new Map([['', table.state]]))
      const out = new CommittingOutput(table, options)
      outputs.push(out)
      const task: ReadTask = {
        config,
        stream,
        slice: '',
        // The engine goes on from the destination's own state, whatever was planned.
        state: table.state ?? planned?.state ?? null,
        session: structuredClone(session.sharedWith?.(stream) ?? session.shared),
        ...(options.isContinuous === true && { isContinuous: true }),
      }
      try {
        const outcome = await postgresConnector.read(task, out, context)
        await out.settled()
        return outcome
      } catch (thrown) {
        return thrown instanceof Error ? thrown : new Error(String(thrown))
      }
    }),
  )
  return { outcomes, warnings, outputs }
}

export function dedupOf(stream: AirbyteStream): ConfiguredAirbyteStream {
  return {
    stream,
    sync_mode: 'incremental',
    destination_sync_mode: 'append_dedup',
    cursor_field: stream.default_cursor_field ?? [],
  }
}
