import type { Stream } from '../contracts.ts'
import type { Dict } from '../value/value.ts'

/** A stream as `discover` shows it: an AirbyteStream. */
export interface CatalogStream {
  readonly name: string
  readonly json_schema: Dict
  readonly supported_sync_modes: readonly ('full_refresh' | 'incremental')[]
  readonly is_resumable: boolean
  readonly is_file_based: boolean
  readonly source_defined_cursor?: boolean
  readonly default_cursor_field?: readonly string[]
  readonly source_defined_primary_key?: readonly (readonly string[])[]
}

export async function catalogStream(stream: Stream): Promise<CatalogStream> {
  const { cursorField, primaryKey } = stream
  return {
    name: stream.name,
    json_schema: await stream.schemaLoader.schema(),
    supported_sync_modes:
      cursorField === undefined ? ['full_refresh'] : ['full_refresh', 'incremental'],
    is_resumable: cursorField !== undefined,
    is_file_based: stream.supportsFileTransfer,
    ...(cursorField !== undefined && {
      source_defined_cursor: !stream.catalogDefinedCursor,
      default_cursor_field: [cursorField],
    }),
    ...(primaryKey.length > 0 && { source_defined_primary_key: primaryKey.map((name) => [name]) }),
  }
}
