import { streamLabel, type StreamId } from '../../../protocol/index.ts'
import type { SliceState, StoredStates } from '../../sink.ts'
import type { DestinationSession } from '../session.ts'
import { readSlices } from './read-checkpoints.ts'
import { readStreamRow } from './stream-rows.ts'

/** `Destination.changeStates`: see the contract. One transaction. */
export async function changeStates(
  session: DestinationSession,
  {
    connection,
    streams,
    change,
  }: {
    readonly connection: string
    readonly streams: readonly StreamId[]
    readonly change: (stored: StoredStates) => readonly SliceState[] | undefined
  },
): Promise<void> {
  await session.transaction(async () => {
    for (const streamId of streams) {
      const row = await readStreamRow(session, connection, { streamId, lock: 'locked' })
      if (row === undefined) continue
      const { id, table, settings } = row
      const owner = { id, connection, stream: streamLabel(streamId), table }
      const slices = (await readSlices(session, owner)).map(({ slice, state }) => ({
        slice,
        state,
      }))
      const { mode, sync_mode: syncMode } = settings
      const changed = change({ stream: streamId, mode, syncMode, slices })
      if (changed !== undefined) await writeStates(session, id, changed)
    }
  })
}

/** A slice that was read to its end is not at its end any more. */
async function writeStates(
  session: DestinationSession,
  id: string,
  slices: readonly SliceState[],
): Promise<void> {
  const states = slices.map(({ slice, state }) => ({ slice, state: JSON.stringify(state) }))
  await session.rows(
    `UPDATE ${session.bookkeeping}.slices AS s SET state = changed.state, complete = false
       FROM json_to_recordset($2::json) AS changed (slice text, state text)
      WHERE s.stream_id = $1 AND s.slice = changed.slice`,
    [id, JSON.stringify(states)],
  )
  await session.rows(
    `UPDATE ${session.bookkeeping}.streams SET epoch = epoch + 1, attempt_keys = '{}' WHERE id = $1`,
    [id],
  )
}
