import { resetCommands } from '../../lib/text/reset-commands.ts'
import type { ReadTask } from '../connector.ts'
import { findChangedColumns } from './changed-columns.ts'
import type { CursorRead } from './read-ordered.ts'
import type { CursorState } from './states.ts'

/**
 * Warns of columns whose values in rows that were loaded before are not the current ones. With `backfills`,
 * the state that it returns has all of these rows to be read again: if they are merged, because appended
 * ones would be there twice.
 */
export async function noteChangedColumns(
  read: CursorRead,
  saved: CursorState,
  { backfills = false, stream }: Pick<ReadTask, 'backfills' | 'stream'>,
): Promise<CursorState> {
  if (saved.cursor === null) return saved
  const { name } = read.source
  const changes = await findChangedColumns(read, saved)
  const isMerged = stream.destination_sync_mode === 'append_dedup'
  if (changes.length > 0 && backfills && isMerged) {
    for (const change of changes)
      read.warn(`${change} This run reads all of them again (schema_drift: backfill).`)
    const asked = (saved.again ?? []).filter(({ why }) => why === 'asked')
    return { ...saved, again: [{ why: 'columns', from: null, to: null }, ...asked] }
  }
  const refusal = backfills ? ` ${notBackfilled}` : ''
  for (const change of changes) read.warn(`${change}${refusal} ${resetAdvice(name)}`)
  if (saved.again?.some(({ why }) => why === 'columns') === true)
    read.warn(
      `All rows of ${name} are being read again, since its columns changed (schema_drift: backfill). This run goes on with that.`,
    )
  return saved
}

const notBackfilled =
  '`schema_drift: backfill` does not read them again: the stream is loaded with append, so each row would be there twice.'

function resetAdvice(stream: string): string {
  return `To read all rows again, reset the stream (${resetCommands(stream)}); with append, empty its table at the destination first.`
}
