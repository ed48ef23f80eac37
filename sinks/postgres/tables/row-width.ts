import { ConnectError, neverNullFields, streamLabel } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { SinkStream } from '../../sink.ts'
import { quoteTable } from './identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from './stream-target.ts'
import { newType, type TableChange, type TableColumns } from './table-columns.ts'

/** Bytes of the types whose values the server cannot move out of a row. */
const fixedBytes: Readonly<Record<string, number>> = {
  boolean: 1,
  smallint: 2,
  integer: 4,
  bigint: 8,
  real: 4,
  'double precision': 8,
  uuid: 16,
  date: 4,
  timestamptz: 8,
  timestamp: 8,
  time: 8,
  timetz: 12,
}

/** The header of each row. */
const headerBytes = 24
/** The header of each page of a block, and the pointer to its only row. */
const pageBytes = 32
const usualBlockBytes = 8192
const mostNamed = 3

/**
 * Why no row of the stream fits into a page: found before rows are read. Counts only what must be in every
 * row (columns that their source declares as never null), so that a table of many columns which are NULL in
 * most rows is loaded.
 */
export async function findWideRow(
  session: DestinationSession,
  {
    sink,
    target,
    actual,
    changes,
  }: {
    readonly sink: SinkStream
    readonly target: StreamTarget
    readonly actual: TableColumns | undefined
    readonly changes: readonly TableChange[]
  },
): Promise<ConnectError | undefined> {
  const neverNull = neverNullFields(sink.stream.stream.json_schema)
  if (neverNull.size === 0) return undefined
  const changed = new Map(changes.map(({ column, type }) => [column, type]))
  const fixed = target.columns.flatMap((column) => {
    const { field, name } = column
    const type = changed.get(name) ?? actual?.get(name)?.held ?? newType(column).formatted
    const bytes = neverNull.has(field) ? (fixedBytes[type] ?? 0) : 0
    return bytes === 0 ? [] : [{ name, bytes }]
  })
  const bytes = fixed.reduce((sum, column) => sum + column.bytes, headerBytes)
  if (bytes <= usualBlockBytes - pageBytes) return undefined
  const room = (await blockBytes(session)) - pageBytes
  if (bytes <= room) return undefined
  const names = fixed.slice(0, mostNamed).map(({ name }) => quoteIdentifier(name))
  const others = (fixed.length - names.length).toLocaleString('en-US')
  const reason = `a row of stream ${streamLabel(target.streamId)} takes at least ${bytes.toLocaleString('en-US')} bytes, and a page has room for ${room.toLocaleString('en-US')}: ${names.join(', ')} and ${others} other columns are never NULL and have a fixed length, so that their values cannot be moved out of the row`
  const details = { object: quoteTable(target.table), reason }
  return new ConnectError('destination_too_many_columns', { details })
}

async function blockBytes(session: DestinationSession): Promise<number> {
  const [row] = await session.rows<{ bytes: number }>(
    `SELECT current_setting('block_size')::int AS bytes`,
  )
  return row?.bytes ?? usualBlockBytes
}
