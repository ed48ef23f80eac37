import type { Logger } from 'pino'
import {
  type AirbyteCatalog,
  type AirbyteStream,
  isJsonObject,
  type JsonObject,
  streamLabel,
} from '../../../protocol/index.ts'
import type { SourceSession } from '../session.ts'
import { tableIdentities, type TableIdentity } from './table-identity.ts'

const mostNamed = 10

/** The streams of tables whose changes are in the log, with the columns of changes. */
export async function changeStreams(
  session: SourceSession,
  catalog: AirbyteCatalog,
  logger: Logger,
): Promise<AirbyteCatalog> {
  const oids = catalog.streams.flatMap(({ source_columns: source }) => source?.table ?? [])
  const tables = await tableIdentities(session, oids)
  const byOid = new Map(tables.map((table) => [table.oid, table]))
  const left: string[] = []
  const streams = catalog.streams.flatMap((stream) => {
    const table = byOid.get(stream.source_columns?.table ?? -1)
    if (table?.isLogged === true) return [changeStream(stream, table)]
    left.push(streamLabel(stream))
    return []
  })
  if (left.length > 0) {
    logger.warn(
      { streams: left.length, such_as: left.slice(0, mostNamed) },
      'views, foreign tables and unlogged tables are left out: their changes are not in the log',
    )
  }
  return { streams }
}

const lsnColumn: JsonObject = { type: 'number' }
const timeColumn: JsonObject = {
  type: ['null', 'string'],
  format: 'date-time',
  airbyte_type: 'timestamp_with_timezone',
}

function changeStream(stream: AirbyteStream, table: TableIdentity): AirbyteStream {
  const { source_defined_primary_key: found, ...rest } = stream
  const { properties } = stream.json_schema
  const generated = new Set(table.generated)
  const own = Object.entries(isJsonObject(properties) ? properties : {})
  const kept = own.filter(([name]) => !generated.has(name))
  const names = new Set(kept.map(([name]) => name))
  const identity = table.key.length > 0 ? table.key.map((name) => [name]) : found
  const key = identity?.every(([name = '']) => names.has(name)) === true ? identity : undefined
  return {
    ...rest,
    json_schema: {
      ...stream.json_schema,
      properties: {
        ...Object.fromEntries(kept),
        _ab_cdc_lsn: lsnColumn,
        _ab_cdc_updated_at: timeColumn,
        _ab_cdc_deleted_at: timeColumn,
      },
      required: ['_ab_cdc_lsn', ...(key ?? []).flat()],
    },
    supported_sync_modes: ['incremental'],
    source_defined_cursor: true,
    default_cursor_field: ['_ab_cdc_lsn'],
    ...(key !== undefined && { source_defined_primary_key: key }),
    is_resumable: true,
  }
}
