import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import type { JsonValue } from '../../../protocol/index.ts'
import { checksum } from './column-changes.ts'
import { isLsn, type Lsn, parseLsn } from './lsn.ts'

const lsn = z.string().refine(isLsn)
const savedColumn = z.tuple([z.number(), z.number(), z.number(), z.number()])

/**
 * The state of a stream of changes: everything that was committed before `lsn` was emitted, and nothing after
 * it. `snapshot`: the rows that were there at the beginning are still being read: up to the key `after` in
 * the order of `key`. Absent: all were read. `behind`: they are read
 * once the changes up to there were emitted. `sweeps`: at its end, rows of earlier eras are gone.
 * `columns`: those that the table had, so that values which never are in the log are noticed.
 * `era`: a part of the order of rows (row-order.ts); absent: 0.
 * `unseen`: transactions before `lsn` that the last part of the snapshot may not have shown yet.
 */
const changesState = z.object({
  kind: z.literal('changes'),
  lsn,
  system: z.string(),
  timeline: z.number(),
  era: z.number().exactOptional(),
  columns: savedColumn.array().exactOptional(),
  snapshot: z
    .object({
      key: z.array(z.string()),
      after: z.array(z.string()).nullable(),
      sweeps: z.literal(true).exactOptional(),
      behind: lsn.exactOptional(),
      unseen: z.array(z.number()).exactOptional(),
    })
    .exactOptional(),
})
export type ChangesState = z.infer<typeof changesState>

/** Throws `source_state_invalid`. */
export function parseChangesState(state: JsonValue, stream: string): ChangesState {
  const parsed = changesState.safeParse(state)
  if (parsed.success) return parsed.data
  const reason = 'it was not written by change data capture (`replication: cdc`)'
  throw new ConnectError('source_state_invalid', { details: { stream, reason } })
}

/** The position of a state of this era; undefined for a state of something else. */
export function positionOf(state: JsonValue, ofEra: number): Lsn | undefined {
  const parsed = changesState.safeParse(state)
  if (!parsed.success) return undefined
  const { lsn: position, era = 0 } = parsed.data
  return era === ofEra ? parseLsn(position) : undefined
}

/** The facts that `openRead` shares with the reads of all streams. */
export const changesSession = z.object({
  kind: z.literal('changes'),
  feed: z.string(),
  slot: z.string(),
  publications: z.array(z.string()),
  /** The streams of the run, as keys of the feed. */
  members: z.array(z.string()),
  /** Where the slot begins: what was committed before is not sent, and PostgreSQL does not say so. */
  start: lsn,
  /** The era of a stream of which nothing was read. */
  era: z.number(),
  /** Changes are missing behind the states of earlier eras: all rows are read again, in this one. */
  again: z.number().exactOptional(),
  /** The columns of the table as it is now: name, number, type and modifier. */
  columns: z.array(z.tuple([z.string(), z.number(), z.number(), z.number()])).exactOptional(),
  /** Columns of older rows are not in the log: rows of states that had other columns are read again. */
  fills: z.literal(true).exactOptional(),
  /** Where the timeline of the stream's state was left for the present one. */
  left: z.object({ timeline: z.number(), end: lsn }).exactOptional(),
  /** A run that ends reads what was committed before. */
  end: lsn,
  system: z.string(),
  timeline: z.number(),
  /** The reads are for a sandbox: the slot stays where it is. */
  isSandbox: z.literal(true).exactOptional(),
  /** In a sandbox, if there is no slot yet: only rows are read, and no changes. */
  hasNoSlot: z.literal(true).exactOptional(),
  /** Tables of the publication that the run does not read: the slot must not pass their changes. */
  others: z.array(z.string()),
  /** For the read of this stream. */
  warnings: z.array(z.string()),
})
export type ChangesSession = z.infer<typeof changesSession>

type FirstFacts = Pick<ChangesSession, 'start' | 'system' | 'timeline' | 'era'>

/** The state of a stream of which nothing was read. */
export function firstState({ start, system, timeline, era }: FirstFacts): ChangesState {
  const snapshot = { key: [], after: null }
  return { kind: 'changes', lsn: start, system, timeline, era, snapshot }
}

/** The state of a stream whose rows are read again. */
export function stateAgain(facts: FirstFacts): ChangesState {
  return { ...firstState(facts), snapshot: { key: [], after: null, sweeps: true } }
}

/** The era of a stream whose rows are read again from now on: later than all before. */
export function nextEra({ era = 0 }: ChangesState, now: number): number {
  return Math.max(now, era + 1)
}

/**
 * Where a read begins. The state is the destination's last one, whatever was planned: after changes were
 * lost, the first read does not go on from it. Throws `source_changes_lost` rather than skip a change.
 */
export function beginningOf(
  session: ChangesSession,
  saved: JsonValue | null,
  stream: string,
): ChangesState {
  if (saved === null) return withColumns(firstState(session), session)
  const state = parseChangesState(saved, stream)
  const { again, timeline } = session
  if (again !== undefined && (state.era ?? 0) < again)
    return withColumns(stateAgain({ ...session, era: again }), session)
  const position = parseLsn(state.lsn)
  if (isOfOtherTimeline(state, session)) {
    const reason = 'a standby took over that did not have all changes yet'
    throw new ConnectError('source_changes_lost', { details: { stream, reason } })
  }
  if (position >= parseLsn(session.start)) return withColumns({ ...state, timeline }, session)
  const reason = `the replication slot begins at ${session.start}, and the last checkpoint is at ${state.lsn}`
  throw new ConnectError('source_changes_lost', { details: { stream, reason } })
}

/**
 * Goes on with the columns that the table has now, and with all of its rows if the log lacks some of their
 * values.
 */
function withColumns(state: ChangesState, session: ChangesSession): ChangesState {
  const columns = columnsNow(session)
  if (columns === undefined) return state
  const isSame = JSON.stringify(columns) === JSON.stringify(state.columns)
  if (isSame || session.fills !== true) return { ...state, columns }
  const { sweeps } = state.snapshot ?? {}
  // Changes from before the table was changed have the old values, and would win over the rows.
  const snapshot = { key: [], after: null, behind: session.end, ...(sweeps && { sweeps }) }
  return { ...state, columns, snapshot }
}

function columnsNow({ columns }: ChangesSession): ChangesState['columns'] {
  return columns?.map(([name, number, type, modifier]) => [number, type, modifier, checksum(name)])
}

/** The state may have changes that the server does not have. */
function isOfOtherTimeline(state: ChangesState, { timeline, left }: ChangesSession): boolean {
  if (state.timeline === timeline) return false
  return left?.timeline !== state.timeline || parseLsn(state.lsn) > parseLsn(left.end)
}
