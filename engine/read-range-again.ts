import type { CursorRange } from '../connectors/connector.ts'
import { connectorOf } from '../connectors/registry.ts'
import { ConnectError, streamKey, streamLabel, type StreamId } from '../protocol/index.ts'
import type { Destination, SliceState, StoredStates, SyncMode } from '../sinks/sink.ts'

export interface RangeOptions {
  readonly connection: string
  readonly streams: readonly StreamId[]
  /** The modes of the next run, by the keys of the streams; absent: that of the last run. */
  readonly modes?: ReadonlyMap<string, SyncMode>
  /** The type of the connector. */
  readonly sourceType: string
  readonly range: CursorRange
  /** Streams that are appended may get each row of the range a second time. */
  readonly doublesRows: boolean
  /** Only to show what would be done. */
  readonly isDryRun: boolean
}

/** A stream of which the next run reads a range again. The bounds are as the source reads them. */
export interface StreamRange extends CursorRange {
  readonly stream: StreamId
  readonly mode: SyncMode
  readonly cursorField: string
}

/**
 * Has the next run read a range of the cursor again; the position of the streams stays. It is stored with the
 * checkpoints, all streams or none. Asking for the same range twice reads it once. Throws
 * `stream_range_invalid`.
 */
export async function readRangeAgain(
  destination: Destination,
  { connection, streams, modes, sourceType, range, doublesRows, isDryRun }: RangeOptions,
): Promise<readonly StreamRange[]> {
  if (range.from === null && range.to === null) throw hasNoBounds(connection)
  const connector = await connectorOf(sourceType)
  const loaded = await destination.loadedStreams(connection)
  const known = new Set(loaded.map(({ stream }) => streamKey(stream)))
  const unknown = streams.find((stream) => !known.has(streamKey(stream)))
  if (unknown !== undefined) throw hasNoCheckpoint(unknown)
  const ranges = new Map<string, StreamRange>()
  const change = (stored: StoredStates): readonly SliceState[] | undefined => {
    const { stream, slices } = stored
    const mode = modes?.get(streamKey(stream)) ?? stored.mode
    const refusal = refusalOf({ ...stored, mode }, { doublesRows })
    if (refusal !== undefined) throw refusal
    const ask = connector.readRange?.bind(connector)
    if (ask === undefined) throw cannotRead(stream, sourceType)
    const requests = slices.flatMap(({ slice, state }) =>
      state === null ? [] : [{ slice, ...ask(state, range, streamLabel(stream)) }],
    )
    for (const { from, to, cursorField } of requests)
      ranges.set(streamKey(stream), { stream, mode, cursorField, from, to })
    return isDryRun ? undefined : requests.map(({ slice, state }) => ({ slice, state }))
  }
  await destination.changeStates(connection, streams, change)
  return [...ranges.values()]
}

function refusalOf(
  { stream, mode, syncMode, slices }: StoredStates,
  { doublesRows }: Pick<RangeOptions, 'doublesRows'>,
): ConnectError | undefined {
  if (slices.every(({ state }) => state === null)) return hasNoCheckpoint(stream)
  if (syncMode !== 'incremental')
    return invalid(stream, {
      field: 'streams',
      problem: 'each run reads all of it',
      fix: 'Run the connection: it has no range to read again.',
    })
  if (mode !== 'append' || doublesRows) return undefined
  return invalid(stream, {
    field: 'streams',
    problem:
      'it is loaded with append, so each row of the range that is in the table would be there twice',
    fix: 'Set `destination_sync_mode: append_dedup` and `primary_key` of the stream. Or delete the rows of the range at the destination first, and say that rows may be doubled: `--double-rows` (over HTTP: `double_rows`).',
  })
}

function hasNoBounds(connection: string): ConnectError {
  const problem = 'neither `from` nor `to` is given'
  const fix = 'Give one of them, or reset the streams: the next run reads them from the beginning.'
  const details = { place: `connection ${connection}`, field: 'from', problem, fix }
  return new ConnectError('stream_range_invalid', { details })
}

function hasNoCheckpoint(stream: StreamId): ConnectError {
  return invalid(stream, {
    field: 'streams',
    problem: 'it has no checkpoint',
    fix: 'Run the connection: the next run reads the stream from its beginning.',
  })
}

function cannotRead(stream: StreamId, sourceType: string): ConnectError {
  return invalid(stream, {
    field: 'from',
    problem: `a source of type ${sourceType} cannot read a range of its cursor again; PostgreSQL can`,
    fix: 'Reset the stream without `from` and `to`: the next run reads it from its beginning.',
  })
}

function invalid(
  stream: StreamId,
  facts: { readonly field: string; readonly problem: string; readonly fix: string },
): ConnectError {
  const details = { place: `stream ${streamLabel(stream)}`, ...facts }
  return new ConnectError('stream_range_invalid', { details })
}
