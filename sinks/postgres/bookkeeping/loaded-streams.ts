import { streamIdOf } from '../../../protocol/index.ts'
import type { LoadedStream } from '../../sink.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { Session } from '../session.ts'

/** `Destination.loadedStreams`: see the contract. */
export async function loadedStreams(
  session: Session,
  connection: string,
): Promise<readonly LoadedStream[]> {
  const rows = await session.rows<{
    namespace: string | null
    name: string
    schema: string
    table: string
  }>(
    `SELECT namespace, name, table_schema AS schema, table_name AS table
       FROM ${session.bookkeeping}.streams
      WHERE connection = $1 AND to_regclass(format('%I.%I', table_schema, table_name)) IS NOT NULL
      ORDER BY namespace, name`,
    [connection],
  )
  return rows.map(({ namespace, name, schema, table }) => ({
    stream: streamIdOf({ name, ...(namespace !== null && { namespace }) }),
    table: quoteTable({ schema, table }),
  }))
}
