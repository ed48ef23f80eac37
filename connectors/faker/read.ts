import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { JsonValue, RecordData } from '../../protocol/index.ts'
import type { ConnectorContext, PlannedSlice, ReadTask, RecordOutput } from '../connector.ts'
import { parseFakerConfig, type FakerStream } from './config.ts'
import { failAs, willFail } from './failure.ts'
import { rowMaker } from './rows.ts'

/** Records `next` … `to` - 1 are left; `to` null: up to the rows that the configuration has at the time. */
const fakerState = z.object({
  next: z.number().int().min(0),
  to: z.number().int().min(0).nullable(),
})
type FakerState = z.infer<typeof fakerState>

const batchRows = 500

/** Parts of the rows; the last one is open, so that rows added later belong to it. */
export function planSlices(
  stream: FakerStream,
  states: ReadonlyMap<string, JsonValue | null>,
): PlannedSlice[] {
  if (states.size > 0) return [...states].map(([slice, state]) => resumed(stream, slice, state))
  const { slices, rows } = stream
  return Array.from({ length: slices }, (_, index) => {
    const next = Math.floor((rows * index) / slices)
    const to = index === slices - 1 ? null : Math.floor((rows * (index + 1)) / slices)
    const slice = slices === 1 ? '' : `part-${index}`
    return { slice, state: { next, to }, estimate: { rows: (to ?? rows) - next } }
  })
}

function resumed(stream: FakerStream, slice: string, state: JsonValue | null): PlannedSlice {
  const { next, to } = parseState(stream, state)
  return { slice, state, estimate: { rows: Math.max(0, (to ?? stream.rows) - next) } }
}

export async function readSlice(
  task: ReadTask,
  out: RecordOutput,
  context: ConnectorContext,
): Promise<'complete' | 'stopped'> {
  const { seed, streams } = parseFakerConfig(task.config)
  const stream = streamNamed(streams, task.stream.stream)
  const { next, to } = parseState(stream, task.state)
  const end = to ?? stream.rows
  const selected = selection(task)
  const makeRow = rowMaker(seed, stream)
  const makeRecord = (n: number): RecordData => selected(makeRow(n))
  const failure = await dueFailure(stream)
  const pace = new Pace(stream.rows_per_second, context)
  let row = next
  while (row < end && !context.signal.aborted) {
    if (failure?.at_row === row) await failAs(stream.name, failure)
    const stateAt = nextState(stream, row)
    const failAt = failure !== undefined && failure.at_row > row ? failure.at_row : end
    const until = Math.min(row + batchRows, end, stateAt, failAt)
    const first = row
    await out.records(Array.from({ length: until - row }, (_, index) => makeRecord(first + index)))
    await pace.gave(until - row)
    row = until
    if (row === stateAt && row < end) await out.state({ next: row, to })
  }
  await out.state({ next: row, to })
  return row < end ? 'stopped' : 'complete'
}

async function dueFailure({ fail }: FakerStream): Promise<FakerStream['fail']> {
  return fail !== undefined && (await willFail(fail)) ? fail : undefined
}

/** States are at fixed rows, wherever a read began. */
function nextState({ state_every: every }: FakerStream, row: number): number {
  return (Math.floor(row / every) + 1) * every
}

function parseState(stream: FakerStream, state: JsonValue | null): FakerState {
  if (state === null) return { next: 0, to: null }
  const parsed = fakerState.safeParse(state)
  if (parsed.success) return parsed.data
  const reason = 'it is not a state of the faker'
  throw new ConnectError('source_state_invalid', { details: { stream: stream.name, reason } })
}

/** The configured stream as the faker's configuration has it. */
export function streamNamed(
  streams: readonly FakerStream[],
  wanted: { readonly name: string; readonly namespace?: string | undefined },
): FakerStream {
  const found = streams.find(
    ({ name, namespace }) => name === wanted.name && namespace === wanted.namespace,
  )
  if (found !== undefined) return found
  throw new ConnectError('source_stream_missing', { details: { stream: wanted.name } })
}

/** Only the properties of the configured stream. */
function selection({ stream }: ReadTask): (row: RecordData) => RecordData {
  const properties = stream.stream.json_schema.properties ?? {}
  const wanted = typeof properties === 'object' ? Object.keys(properties) : []
  return (row) => {
    if (Object.keys(row).every((name) => wanted.includes(name))) return row
    return Object.fromEntries(wanted.map((name) => [name, row[name]]))
  }
}

/** Limits the read to `rows_per_second`; a stop does not wait for it. */
class Pace {
  readonly #rowsPerSecond: number | undefined
  readonly #context: ConnectorContext
  readonly #startedMs: number
  #rows = 0

  constructor(rowsPerSecond: number | undefined, context: ConnectorContext) {
    this.#rowsPerSecond = rowsPerSecond
    this.#context = context
    this.#startedMs = context.now()
  }

  async gave(rows: number): Promise<void> {
    if (this.#rowsPerSecond === undefined) return
    this.#rows += rows
    const dueMs = this.#startedMs + (1000 * this.#rows) / this.#rowsPerSecond
    const waitMs = dueMs - this.#context.now()
    if (waitMs > 0) await this.#sleep(waitMs)
  }

  async #sleep(waitMs: number): Promise<void> {
    const { signal } = this.#context
    try {
      await sleep(waitMs, undefined, { signal })
    } catch (thrown) {
      if (!signal.aborted) throw thrown
    }
  }
}
