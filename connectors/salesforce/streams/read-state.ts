import { z } from 'zod'
import { ConnectError, type JsonValue } from '../../../protocol/index.ts'

const positionSchema = z.object({ stamp: z.string().nullable(), id: z.string() })

/**
 * How far a stream is read.
 *
 * `cursor`: the field that it is ordered by before Id; null for a read of all records.
 * `from`: the pass begins with this value of the cursor. `is_first`: a pass before that has never ended, so
 * records that are gone are left out.
 * `begun`: when the pass began, by Salesforce's clock. `is_resumed`: it was interrupted since.
 * `after`: the pass goes on after this record. Absent at its beginning.
 * `job`: a job of the Bulk API reads the rest; its results go on at `locator`. `newest`: the highest cursor
 * of them so far.
 * `is_done`: all records are read. Times in ISO 8601.
 */
const stateSchema = z.object({
  cursor: z.string().nullable(),
  from: z.string().nullable(),
  is_first: z.boolean(),
  begun: z.string().exactOptional(),
  is_resumed: z.boolean().exactOptional(),
  after: positionSchema.exactOptional(),
  job: z.object({ id: z.string(), locator: z.string().nullable() }).exactOptional(),
  newest: z.string().exactOptional(),
  is_done: z.boolean().exactOptional(),
})
export type ReadState = z.output<typeof stateSchema>

/** The time between two clocks of Salesforce, at most, when a pass was interrupted. */
const clockMs = 3_600_000

/** Throws `source_state_invalid` if it was saved by another read. */
export function stateOf(
  saved: JsonValue | null,
  {
    stream,
    cursor,
    startDate,
  }: { readonly stream: string; readonly cursor: string | null; readonly startDate: string | null },
): ReadState {
  if (saved === null) return { cursor, from: cursor === null ? null : startDate, is_first: true }
  const parsed = stateSchema.safeParse(saved)
  const reason = (): string | undefined => {
    if (!parsed.success) return 'it is not one of this connector'
    const before = parsed.data.cursor
    return before === cursor
      ? undefined
      : `it was ordered by ${before ?? 'Id'}, and now it is by ${cursor ?? 'Id'}`
  }
  const problem = reason()
  if (problem !== undefined || !parsed.success)
    throw new ConnectError('source_state_invalid', { details: { stream, reason: problem ?? '' } })
  const { data } = parsed
  return data.begun === undefined ? data : { ...data, is_resumed: true }
}

/**
 * The state after a pass. Salesforce shows a change late, with the stamp of the beginning of its transaction:
 * the next pass begins `lateMs` before the time up to which this one is complete. That is its last change. A
 * pass that was interrupted may have passed by a change that came while it waited, so it counts from its
 * beginning. What was long before its beginning is not read again.
 */
export function afterPass(state: ReadState, lateMs: number): ReadState {
  const { cursor, from, begun, is_resumed: isResumed, after, newest } = state
  const last = newest ?? after?.stamp ?? null
  // It found nothing.
  if (last === null || begun === undefined) return { cursor, from, is_first: state.is_first }
  const begunMs = Date.parse(begun)
  const completeMs = isResumed === true ? begunMs - clockMs : Math.min(Date.parse(last), begunMs)
  const nextMs = Math.max(completeMs, begunMs - clockMs) - lateMs
  const startMs = Math.max(nextMs, from === null ? nextMs : Date.parse(from))
  return { cursor, from: new Date(startMs).toISOString(), is_first: false }
}
