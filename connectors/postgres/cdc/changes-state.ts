import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import type { JsonValue } from '../../../protocol/index.ts'
import { isLsn, type Lsn, parseLsn } from './lsn.ts'

const lsn = z.string().refine(isLsn)

/**
 * The state of a stream of changes: everything that was committed before `lsn` was emitted, and nothing after
 * it. `snapshot`: the rows that were there at the beginning are still being read: up to the key `after` in
 * the order of `key`. Absent: all were read.
 * `unseen`: transactions before `lsn` that the last part of the snapshot may not have shown yet.
 */
const changesState = z.object({
  kind: z.literal('changes'),
  lsn,
  system: z.string(),
  timeline: z.number(),
  snapshot: z
    .object({
      key: z.array(z.string()),
      after: z.array(z.string()).nullable(),
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

/** Undefined for the state of something else. */
export function positionOf(state: JsonValue): Lsn | undefined {
  const parsed = changesState.safeParse(state)
  return parsed.success ? parseLsn(parsed.data.lsn) : undefined
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
  /** A state of the stream that changes are missing behind: its rows are read again. */
  again: lsn.exactOptional(),
  /** A run that ends reads what was committed before. */
  end: lsn,
  system: z.string(),
  timeline: z.number(),
  /** Tables of the publication that the run does not read: the slot must not pass their changes. */
  others: z.array(z.string()),
  /** For the read of this stream. */
  warnings: z.array(z.string()),
})
export type ChangesSession = z.infer<typeof changesSession>

/** The state of a stream of which nothing was read. */
export function firstState({
  start,
  system,
  timeline,
}: Pick<ChangesSession, 'start' | 'system' | 'timeline'>): ChangesState {
  return { kind: 'changes', lsn: start, system, timeline, snapshot: { key: [], after: null } }
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
  if (saved === null) return firstState(session)
  const state = parseChangesState(saved, stream)
  if (state.lsn === session.again) return firstState(session)
  if (parseLsn(state.lsn) >= parseLsn(session.start)) return state
  const reason = `the replication slot begins at ${session.start}, and the last checkpoint is at ${state.lsn}`
  throw new ConnectError('source_changes_lost', { details: { stream, reason } })
}
