import { z } from 'zod'
import type { JsonValue } from '../../../protocol/index.ts'
import type { SliceCheckpoint, StreamSync } from '../../sink.ts'
import type { DestinationSession } from '../session.ts'
import { parseStored, requireStored, type RowOwner } from './damaged-bookkeeping.ts'
import { columnsSchema } from '../../stored-shapes.ts'

export async function readSlices(
  session: DestinationSession,
  owner: RowOwner,
): Promise<SliceCheckpoint[]> {
  const rows = await session.rows<{
    slice: string
    partition: number
    state: string | null
    seq: string
    complete: boolean
  }>(
    `SELECT slice, partition, state, seq, complete FROM ${session.bookkeeping}.slices
      WHERE stream_id = $1 ORDER BY ordinal, slice`,
    [owner.id],
  )
  const stateOf = (text: string): JsonValue =>
    requireStored(session, { text, schema: stateSchema, column: 'slices.state' }, owner)
  return rows.map(({ slice, partition, state, seq, complete }) => {
    return {
      slice,
      partition,
      seq: Number(seq),
      complete,
      state: state === null ? null : stateOf(state),
    }
  })
}

/**
 * `resumed`: the sync continues, with records that were written with the columns of a position. A new one
 * skips what the log has.
 */
export async function readPositions(
  session: DestinationSession,
  owner: RowOwner,
  { resumed }: Pick<StreamSync, 'resumed'>,
): Promise<StreamSync['positions']> {
  const rows = await session.rows<{ partition: number; next: string; columns: string }>(
    `SELECT partition, next, columns FROM ${session.bookkeeping}.positions
      WHERE stream_id = $1 ORDER BY partition`,
    [owner.id],
  )
  return rows.map(({ partition, next, columns: text }) => {
    const columns = resumed
      ? requireStored(session, { text, schema: columnsSchema, column: 'positions.columns' }, owner)
      : (parseStored(text, columnsSchema) ?? [])
    return { partition, next, columns }
  })
}

/** JSON.parse returns nothing else. */
const stateSchema = z.custom<JsonValue>((value) => value !== undefined)
