import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import type { SinkStream, StreamSync } from '../../sink.ts'
import { destinationReplaced } from '../destination-errors.ts'
import type { DestinationSession } from '../session.ts'

/** SQL condition: the row of `streams` is as the attempt's `begin` left it. */
export const isOfAttempt = `connection = $1 AND namespace IS NOT DISTINCT FROM $2 AND name = $3 AND epoch = $4 AND attempt = $5`

/** The parameters of `isOfAttempt`. */
export function attemptParams(sync: StreamSync): readonly unknown[] {
  const { sink, streamId, epoch } = sync
  return [sink.connection, streamId.namespace ?? null, streamId.name, epoch, attemptKey(sync)]
}

/** Numbers alone do not identify attempts: see `StreamSync.attemptKeys`. */
export function attemptKey({ attemptKeys }: StreamSync): string | null {
  return attemptKeys.at(-1) ?? null
}

/**
 * The id of the stream's row. Throws if the stream no longer belongs to this attempt, or soon will not: a
 * newer start has the connection. `locked`: until the transaction ends.
 */
export async function requireOwn(
  session: DestinationSession,
  sync: StreamSync,
  lock: 'locked' | 'unlocked',
): Promise<string> {
  const row = lock === 'locked' ? await lockedRow(session, sync) : await unlockedRow(session, sync)
  if (row !== undefined) return row.id
  throw await lostStream(session, sync)
}

interface OwnRow extends Record<string, unknown> {
  readonly id: string
}

async function unlockedRow(
  session: DestinationSession,
  sync: StreamSync,
): Promise<OwnRow | undefined> {
  const [row] = await session.rows<OwnRow>(
    `SELECT id FROM ${session.bookkeeping}.streams WHERE ${isOfAttempt}
        AND NOT EXISTS (SELECT FROM ${session.bookkeeping}.runs r WHERE r.connection = $1 AND r.start > $6)`,
    [...attemptParams(sync), sync.start],
  )
  return row
}

/**
 * In two statements, sent together: the first may wait for the lock, and the second sees what was committed
 * meanwhile.
 */
async function lockedRow(
  session: DestinationSession,
  sync: StreamSync,
): Promise<OwnRow | undefined> {
  const [[row], by] = await Promise.all([
    session.rows<OwnRow>(
      `SELECT id FROM ${session.bookkeeping}.streams WHERE ${isOfAttempt} FOR UPDATE`,
      attemptParams(sync),
    ),
    newerStart(session, sync.sink.connection, sync.start),
  ])
  return by === undefined ? row : undefined
}

/**
 * The error for an attempt that has lost its stream: it was taken over, or the destination is not the one
 * that it began in.
 */
export async function lostStream(
  session: DestinationSession,
  sync: StreamSync,
): Promise<ConnectError> {
  const { sink, start } = sync
  const refusal = await startRefusal(session, sink, start)
  if (refusal !== undefined) return refusal
  if (await hasOtherAttempt(session, sync)) return destinationReplaced(session.address)
  return fenced(sink, 'a reset of the stream')
}

/** Why the start no longer has the connection; undefined if it has. */
export async function startRefusal(
  session: DestinationSession,
  sink: SinkStream,
  start: number,
): Promise<ConnectError | undefined> {
  const newest = await newestStart(session, sink.connection)
  // The bookkeeping is not the one that counted the start, or an older state of it.
  if ((newest?.start ?? 0) < start) return destinationReplaced(session.address)
  return newest === undefined || newest.start === start ? undefined : fenced(sink, textOf(newest))
}

/** Throws if the start no longer has the connection. */
export async function requireNewest(
  session: DestinationSession,
  sink: SinkStream,
  start: number,
): Promise<void> {
  const refusal = await startRefusal(session, sink, start)
  if (refusal !== undefined) throw refusal
}

function fenced({ connection, stream }: SinkStream, by: string): ConnectError {
  const details = { connection, stream: streamLabel(stream.stream), by }
  return new ConnectError('fenced', { details })
}

/**
 * A later `begin` or a reset has a greater epoch. A row with an equal or a smaller one that is not this
 * attempt's never knew the attempt.
 */
async function hasOtherAttempt(session: DestinationSession, sync: StreamSync): Promise<boolean> {
  const { sink, streamId, epoch } = sync
  const rows = await session.rows(
    `SELECT FROM ${session.bookkeeping}.streams
      WHERE connection = $1 AND namespace IS NOT DISTINCT FROM $2 AND name = $3
        AND epoch <= $4 AND attempt IS DISTINCT FROM $5`,
    [sink.connection, streamId.namespace ?? null, streamId.name, epoch, attemptKey(sync)],
  )
  return rows.length > 0
}

/** The start that took the connection over, as text for `fenced`; undefined if this one is the newest. */
export async function newerStart(
  session: DestinationSession,
  connection: string,
  start: number,
): Promise<string | undefined> {
  const newest = await newestStart(session, connection)
  return newest === undefined || newest.start <= start ? undefined : textOf(newest)
}

interface NewestStart {
  readonly start: number
  readonly key: string | null
  readonly by: string | null
  readonly at: Date
}

/** Undefined if the connection was never run. */
async function newestStart(
  session: DestinationSession,
  connection: string,
): Promise<NewestStart | undefined> {
  const [row] = await session.rows<Omit<NewestStart, 'start'> & { start: string }>(
    `SELECT start, key, started_by AS by, started_at AS at FROM ${session.bookkeeping}.runs WHERE connection = $1`,
    [connection],
  )
  return row && { ...row, start: Number(row.start) }
}

function textOf({ key, by, at: time }: NewestStart): string {
  const text = `${by ?? 'another process'} started at ${time.toISOString()}`
  return key === null ? `a run that ${text}` : `run ${key}, which ${text}`
}
