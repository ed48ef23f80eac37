import { ConnectError, streamLabel, type Column } from '../../../protocol/index.ts'
import type { SliceCounts } from '../../lane-progress.ts'
import type { LaneCheckpoint, StreamSync } from '../../sink.ts'
import { attemptKey, lostStream } from './fence.ts'
import type { DestinationSession } from '../session.ts'

/** A record that was left out. */
export interface RejectedRecord {
  readonly slice: string
  readonly seq: number
  readonly reason: string
  /** Canonical JSON of the record's primary key; absent without one. */
  readonly key?: string
}

interface CheckpointWrite {
  /** The id of the stream's row. */
  readonly id: string
  readonly checkpoint: LaneCheckpoint
  /** The columns of the records at the log position. */
  readonly columns: readonly Column[]
  readonly counts: ReadonlyMap<string, SliceCounts>
  /** For all slices: a COPY does not separate them. They are counted with the first one. */
  readonly losses: { readonly nulled: number; readonly cut: number }
}

/**
 * Writes states, counts and position into the open transaction, and checks the fence (the epoch, the attempt,
 * and that no newer start has the connection): one statement. The stream's row is locked for share, so that
 * lanes of one stream do not wait for each other, but `begin` (which writes it) does. A slice moves on only
 * from where this lane found it: nothing is counted twice, and no sequence goes back.
 */
export async function writeCheckpoint(
  session: DestinationSession,
  sync: StreamSync,
  { id, checkpoint, columns, counts, losses }: CheckpointWrite,
): Promise<void> {
  const { slices, next, partition } = checkpoint
  const [row] = await session.rows<{ fence: number; moved: number }>(
    `WITH fence AS MATERIALIZED (
       SELECT id FROM ${session.bookkeeping}.streams WHERE id = $1 AND epoch = $2 AND attempt = $17
          AND NOT EXISTS (SELECT FROM ${session.bookkeeping}.runs WHERE connection = $15 AND start > $16) FOR SHARE),
     moved AS (
       INSERT INTO ${session.bookkeeping}.slices AS s
         (stream_id, slice, ordinal, partition, planned_sync, state, seq, loaded, rejected, complete,
          run_loaded, run_rejected, run_nulled, run_cut)
       SELECT f.id, c.slice, 0, $3, $4, c.state, c.seq, c.loaded, c.rejected, c.complete, c.loaded, c.rejected,
              CASE n WHEN 1 THEN $13::bigint ELSE 0 END, CASE n WHEN 1 THEN $14::bigint ELSE 0 END
         FROM fence f, unnest($5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[])
              WITH ORDINALITY AS c (slice, state, seq, loaded, rejected, complete, n)
       ON CONFLICT (stream_id, slice) DO UPDATE SET
         partition = excluded.partition, planned_sync = excluded.planned_sync, state = excluded.state,
         seq = excluded.seq, loaded = s.loaded + excluded.loaded, rejected = s.rejected + excluded.rejected,
         run_loaded = s.run_loaded + excluded.loaded, run_rejected = s.run_rejected + excluded.rejected,
         run_nulled = s.run_nulled + excluded.run_nulled, run_cut = s.run_cut + excluded.run_cut,
         complete = excluded.complete, updated_at = now()
       WHERE s.seq = excluded.seq - excluded.loaded - excluded.rejected
       RETURNING 1),
     position AS (
       INSERT INTO ${session.bookkeeping}.positions (stream_id, partition, next, columns)
       SELECT f.id, $3, $11, $12 FROM fence f WHERE $11::text IS NOT NULL
       ON CONFLICT (stream_id, partition) DO UPDATE SET next = excluded.next, columns = excluded.columns)
     SELECT (SELECT count(*) FROM fence)::int AS fence, (SELECT count(*) FROM moved)::int AS moved`,
    [
      id,
      sync.epoch,
      partition,
      sync.syncId,
      slices.map(({ slice }) => slice),
      slices.map(({ state }) => (state === null ? null : JSON.stringify(state))),
      slices.map(({ seq }) => seq),
      slices.map(({ slice }) => counts.get(slice)?.loaded ?? 0),
      slices.map(({ slice }) => counts.get(slice)?.rejected ?? 0),
      slices.map(({ complete }) => complete),
      next ?? null,
      JSON.stringify(columns),
      losses.nulled,
      losses.cut,
      sync.sink.connection,
      sync.start,
      attemptKey(sync),
    ],
  )
  if (row?.fence !== 1) throw await lostStream(session, sync)
  if (row.moved === slices.length) return
  throw await staleSlice(session, sync, { id, checkpoint, counts })
}

/** Stores the keys of rejected records, and the reasons. Part of the open transaction. */
export async function writeRejections(
  session: DestinationSession,
  sync: StreamSync,
  { id, rejections }: { readonly id: string; readonly rejections: readonly RejectedRecord[] },
): Promise<void> {
  await session.rows(
    `INSERT INTO ${session.bookkeeping}.rejected_records (stream_id, sync_id, slice, seq, reason, key)
     SELECT $1, $2, slice, seq, reason, key
       FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[]) AS r (slice, seq, reason, key)`,
    [
      id,
      sync.syncId,
      rejections.map(({ slice }) => slice),
      rejections.map(({ seq }) => seq),
      rejections.map(({ reason }) => storable(reason)),
      rejections.map(({ key }) => (key === undefined ? null : storable(key))),
    ],
  )
}

/** PostgreSQL's text has no U+0000 and no half of a surrogate pair. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}

/** The error for a slice that is not where this lane left it. */
async function staleSlice(
  session: DestinationSession,
  sync: StreamSync,
  { id, checkpoint, counts }: Omit<CheckpointWrite, 'columns' | 'losses'>,
): Promise<ConnectError> {
  const rows = await session.rows<{ slice: string; seq: string }>(
    `SELECT slice, seq FROM ${session.bookkeeping}.slices WHERE stream_id = $1`,
    [id],
  )
  const saved = new Map(rows.map(({ slice, seq }) => [slice, Number(seq)]))
  let expected = 0
  let actual = 0
  for (const { slice, seq } of checkpoint.slices) {
    const { loaded = 0, rejected = 0 } = counts.get(slice) ?? {}
    expected += seq - (saved.get(slice) ?? 0)
    actual += loaded + rejected
  }
  const details = { stream: streamLabel(sync.streamId), expected, actual }
  return new ConnectError('accounting_mismatch', { details })
}
