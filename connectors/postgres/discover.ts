import type { Logger } from 'pino'
import { ConnectError, postgresDefinitionsMark } from '../../protocol/index.ts'
import type { AirbyteCatalog, AirbyteStream, JsonValue } from '../../protocol/index.ts'
import { readDefinitions } from './definitions.ts'
import { isCursorType, jsonSchemaOf } from './column-types.ts'
import type { PostgresConfig } from './config.ts'
import type { SourceSession } from './session.ts'
import { hasTables, listTables, listUnread, type Table } from './tables.ts'

/**
 * The limit of tables named among those that are left out: a role may see thousands that it does not read on
 * purpose.
 */
const mostNamed = 10

/** The columns of a view or a foreign table have no numbers that outlive its definition. */
function hasColumnNumbers({ kind }: Table): boolean {
  return kind === 'r' || kind === 'p'
}

function sourceColumnsOf({ oid, columns }: Table): NonNullable<AirbyteStream['source_columns']> {
  return { table: oid, numbers: columns.map(({ name, identity }) => [name, identity[0]]) }
}

/** Whether there is a table or view that the role may read. */
export async function canReadAny(session: SourceSession, config: PostgresConfig): Promise<boolean> {
  const { schemas } = config
  await schemasExist(session, config)
  return hasTables(session, schemas)
}

/** Every table and view that the role may read, as streams. */
export async function discoverStreams(
  session: SourceSession,
  config: PostgresConfig,
  logger: Logger,
): Promise<AirbyteCatalog> {
  await schemasExist(session, config)
  const streams: AirbyteStream[] = []
  for await (const tables of listTables(session, config.schemas)) {
    const definitions = await readDefinitions(
      session,
      tables.map(({ oid }) => oid),
    )
    streams.push(...tables.map((table) => streamOf(table, definitions.get(table.oid))))
  }
  const { empty, forbidden, columns } = await listUnread(session, config.schemas)
  if (empty.length > 0) {
    logger.warn({ tables: empty }, 'tables without columns are left out: there is nothing to read')
  }
  for (const [kind, names] of Object.entries({ tables: forbidden, columns })) {
    if (names.length === 0) continue
    logger.warn(
      { [kind]: names.length, such_as: names.slice(0, mostNamed) },
      `${kind} that the role may not read are left out: GRANT SELECT on those that you want`,
    )
  }
  return { streams }
}

async function schemasExist(
  session: SourceSession,
  { schemas = [], database }: PostgresConfig,
): Promise<void> {
  const [missing] = await session.rows<{ schema: string }>(
    `SELECT wanted AS schema FROM unnest($1::text[]) AS wanted
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = wanted)`,
    [schemas],
  )
  if (missing === undefined) return
  throw new ConnectError('source_schema_missing', { details: { ...missing, database } })
}

function streamOf(table: Table, definitions: JsonValue | undefined): AirbyteStream {
  const types = new Map(table.columns.map(({ name, type }) => [name, type]))
  const keyTypes = table.key.flatMap((name) => types.get(name) ?? [])
  const isResumable =
    table.key.length > 0 && keyTypes.length === table.key.length && keyTypes.every(isCursorType)
  const hasCursor = table.columns.some(({ type }) => isCursorType(type))
  // Nobody checks the declarations of a foreign table.
  const columns = table.columns.map(({ name, type, notNull }) => {
    return [name, jsonSchemaOf({ type, notNull: notNull && table.kind !== 'f' })] as const
  })
  return {
    name: table.name,
    namespace: table.schema,
    json_schema: {
      type: 'object',
      properties: Object.fromEntries(columns),
      // A record has all of its columns.
      required: table.columns.map(({ name }) => name),
    },
    supported_sync_modes: hasCursor ? ['full_refresh', 'incremental'] : ['full_refresh'],
    ...(keyTypes.length > 0 &&
      keyTypes.length === table.key.length && {
        source_defined_primary_key: table.key.map((name) => [name]),
      }),
    is_resumable: isResumable,
    is_cursor_ordered: true,
    ...(definitions !== undefined && { [postgresDefinitionsMark]: definitions }),
    ...(hasColumnNumbers(table) && { source_columns: sourceColumnsOf(table) }),
  }
}
