import { streamLabel } from '../../../protocol/index.ts'
import { quoteTable } from './identifiers.ts'
import { requireRows } from './row-account.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from './stream-target.ts'

/**
 * Copies the stage into the table: all of its rows, or it throws. `columns`: quoted, of both. Resolves with
 * their number.
 */
export async function copyRows(
  session: DestinationSession,
  { streamId, table, stage }: StreamTarget,
  columns: string,
): Promise<number> {
  const [row] = await session.rows<{ rows: string }>(
    `SELECT count(*) AS rows FROM ${quoteTable(stage)}`,
  )
  const { changed: done } = await session.write(
    `INSERT INTO ${quoteTable(table)} (${columns}) SELECT ${columns} FROM ${quoteTable(stage)}`,
  )
  const place = { stream: streamLabel(streamId), table }
  await requireRows(session, place, { due: Number(row?.rows), done, events: ['insert'] })
  return done
}

/** Deletes all rows that the table has. Resolves with their number. */
export async function deleteRows(
  session: DestinationSession,
  { streamId, table }: StreamTarget,
): Promise<number> {
  const [row] = await session.rows<{ rows: string }>(
    `SELECT count(*) AS rows FROM ${quoteTable(table)}`,
  )
  const due = Number(row?.rows)
  const { changed: done } = await session.write(`DELETE FROM ${quoteTable(table)}`)
  // Others may have added rows in the meantime.
  const place = { stream: streamLabel(streamId), table }
  await requireRows(session, place, { due, done: Math.min(due, done), events: ['delete'] })
  return done
}
