import { ConnectError, streamIdOf } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { isTableOf } from '../sync/begin-sync.ts'
import { schemaExists } from '../tables/schemas.ts'
import { migrateBookkeeping } from '../bookkeeping/migrations.ts'
import { requireTrusted } from '../bookkeeping/trusted-bookkeeping.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import {
  derivedTable,
  quoteTable,
  tableIdentifierOf,
  type TableName,
} from '../tables/identifiers.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import { bookkeepingSchema, type PostgresPlace } from '../postgres-place.ts'
import { DestinationSession } from '../session.ts'
import { streamTarget } from '../tables/stream-target.ts'
import { alterTable, type TableChange } from '../tables/table-columns.ts'
import type { MetRows } from '../merge/met-rows.ts'
import { type Production, readProduction } from './production.ts'
import { sandboxEnums, withEnums } from './sandbox-enums.ts'
import { createSandboxSchema, type SandboxSchema, sandboxSchemaName } from './sandbox-schema.ts'

/** One stream in a sandbox. */
export interface SandboxTable {
  /** The stream as it runs in the sandbox. */
  readonly sink: SinkStream
  readonly production: Production
  /** The sandbox's table: it has all columns of production's as they will be, and none of its rows. */
  readonly table: TableName
  /** How a row of production looks in that table. Empty if production has no table. */
  readonly columns: MetRows['columns']
  /** The rows that merges met, as they were; if there is a table to merge into. */
  readonly before: TableName | undefined
}

/** A stream that a run could not even begin. */
export interface RefusedStream {
  readonly sink: SinkStream
  readonly error: ConnectError
  readonly production?: Production
}

export interface PreparedSandbox {
  readonly schema: string
  /** Where the sandbox's run loads. */
  readonly place: PostgresPlace
  readonly streams: readonly (SandboxTable | RefusedStream)[]
}

export function isRefused(
  stream: SandboxTable | SinkStream | RefusedStream,
): stream is RefusedStream {
  return 'error' in stream
}

/**
 * How long a question about production may take, and how long it may wait for a lock that somebody else
 * holds.
 */
const readSettings = `SET statement_timeout = '60s'; SET lock_timeout = '10s'`

/**
 * Makes the ephemeral schema: the bookkeeping with a copy of the streams' checkpoints, and an empty table for
 * each. Production is only read. Streams that a run would refuse for their configuration alone come as
 * refused. Throws if the schema cannot be made; then nothing is left.
 */
export async function prepareSandbox(
  place: PostgresPlace,
  sandbox: Omit<SandboxSchema, 'schema'>,
  streams: readonly (SinkStream | RefusedStream)[],
): Promise<PreparedSandbox> {
  const schema = sandboxSchemaName(sandbox.id)
  await using production = await DestinationSession.open(place)
  await production.run(`${readSettings}; SET default_transaction_read_only = on`)
  await requireTrusted(production)
  await using session = await DestinationSession.open({
    address: place.address,
    bookkeeping: schema,
  })
  await session.run(readSettings)
  await createSandboxSchema(session, { ...sandbox, schema })
  await migrateBookkeeping(session)
  const maker = { production, session, schema, place, id: sandbox.id }
  await copyRun(maker, sandbox.connection)
  const prepared: (SandboxTable | RefusedStream)[] = []
  const earlierOf = new Map<string, SinkStream[]>()
  for (const [index, stream] of streams.entries()) {
    if (isRefused(stream)) {
      prepared.push(stream)
      continue
    }
    const table = tableNameOf(stream, place)
    const earlier = earlierOf.get(table) ?? []
    prepared.push(await prepareStream(maker, stream, { index, earlier }))
    earlierOf.set(table, [...earlier, stream])
  }
  const metRows = Object.fromEntries(prepared.flatMap(metRowsOf))
  return {
    schema,
    place: { address: place.address, schema, bookkeeping: schema, metRows },
    streams: prepared,
  }
}

interface Maker {
  readonly production: DestinationSession
  readonly session: DestinationSession
  readonly schema: string
  readonly place: PostgresPlace
  readonly id: string
}

/** No mode or column changes it. */
function tableNameOf(sink: SinkStream, { schema }: PostgresPlace): string {
  return quoteTable(streamTarget({ ...sink, mode: 'append', columns: [] }, schema).table)
}

async function prepareStream(
  maker: Maker,
  sink: SinkStream,
  { index, earlier }: { readonly index: number; readonly earlier: readonly SinkStream[] },
): Promise<SandboxTable | RefusedStream> {
  let production: Production
  try {
    const { schema } = maker.place
    production = await readProduction(maker.production, sink, { schema, earlier })
  } catch (error) {
    return { sink, error: ConnectError.from(error) }
  }
  if (production.refusal !== undefined) return { sink, error: production.refusal, production }
  // The number keeps streams of different namespaces, and the bookkeeping, apart.
  const name = tableIdentifierOf(`t${index + 1}_${production.target.table.table}`)
  const table = { schema: maker.schema, table: name }
  const sandboxed = {
    ...sink,
    // Its own name in locks and checkpoints: a sandbox and a run of the connection do not meet.
    connection: maker.id,
    stream: { ...sink.stream, destination_object_name: name },
  }
  const { actual } = production.plan
  const { session } = maker
  const enums = sandboxEnums(production, table)
  const changes = withEnums(production, enums)
  if (actual !== undefined) {
    for (const { create } of enums.values()) await session.run(create)
    await createLike(session, table, { ...production, changes })
  }
  await copyCheckpoints(maker, sink, { table, production })
  const meetsRows = actual !== undefined && sink.mode === 'append_dedup'
  const before = derivedTable(table, 'before')
  if (meetsRows) {
    await session.run(
      `CREATE TABLE ${quoteTable(before)} AS SELECT * FROM ${quoteTable(table)} WITH NO DATA`,
    )
  }
  return {
    sink: sandboxed,
    production,
    table,
    columns: rowExpressions({ ...production, changes }),
    before: meetsRows ? before : undefined,
  }
}

/** Production, with the changes to its table. */
type Changed = Production & { readonly changes: readonly TableChange[] }

/** The table as a sync will have altered it, by the same statements. */
async function createLike(
  session: DestinationSession,
  table: TableName,
  { target, columns, changes }: Changed,
): Promise<void> {
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  await session.run(
    `CREATE TABLE ${quoteTable(table)} AS SELECT ${list} FROM ${quoteTable(target.table)} WITH NO DATA`,
  )
  await alterTable(session, table, changes)
  const fills = await sandboxFills(session, table.schema, { target, columns })
  const actions = fills.map(
    ({ name, expression }) => `ALTER COLUMN ${quoteIdentifier(name)} SET DEFAULT ${expression}`,
  )
  // The server wrote the expressions on the pinned path, and reads them there.
  if (actions.length > 0)
    await session.rows(`ALTER TABLE ${quoteTable(table)} ${actions.join(', ')}`)
}

/**
 * The defaults of columns that are not the stream's: what a run leaves in them. A sequence of production is
 * not asked for a number, nor a function of the user's called.
 */
async function sandboxFills(
  session: DestinationSession,
  schema: string,
  { target, columns }: Pick<Production, 'target' | 'columns'>,
): Promise<{ readonly name: string; readonly expression: string }[]> {
  const counter = quoteTable({ schema, table: '_reactor_counter' })
  const own = columns.filter(({ name }) => !target.columns.some((column) => column.name === name))
  if (own.some(({ fill }) => fill?.kind === 'counter'))
    await session.run(`CREATE SEQUENCE IF NOT EXISTS ${counter}`)
  return own.flatMap(({ name, type, fill }) => {
    if (fill?.kind === 'constant' || fill?.kind === 'computed')
      return [{ name, expression: fill.expression }]
    const isCounted = fill?.kind === 'counter' && /^(?:smallint|integer|bigint|numeric)/.test(type)
    return isCounted ? [{ name, expression: `nextval(${quoteLiteral(counter)})` }] : []
  })
}

/** Over `p`, a row of production; the columns are those of the sandbox's table. */
function rowExpressions({ columns, changes }: Changed): MetRows['columns'] {
  const existing = columns.map(({ name }) => {
    const column = `p.${quoteIdentifier(name)}`
    const change = changes.find((planned) => planned.column === name)
    return { name, expression: change?.kind === 'widen' ? change.convert(column) : column }
  })
  const added = changes.flatMap(({ kind, column, sql }) =>
    kind === 'add' ? [{ name: column, expression: `NULL::${sql}` }] : [],
  )
  return [...existing, ...added]
}

function metRowsOf(stream: SandboxTable | RefusedStream): [string, MetRows][] {
  if (isRefused(stream) || stream.before === undefined) return []
  const { production, table, before, columns } = stream
  const { target, hasKeyIndex, sink } = production
  const removedBy = !hasKeyIndex && sink.deletes === 'hard' ? target.deletedAt : undefined
  const metRows = {
    from: target.table,
    before,
    // The metadata of production's rows does not apply to the sandbox's rows.
    columns: columns.map(({ name, expression }) => ({
      name,
      expression: name === '_airbyte_meta' ? 'NULL::pg_catalog.jsonb' : expression,
    })),
    ...(removedBy !== undefined && { removedBy }),
  }
  return [[table.table, metRows]]
}

/** The sandbox shows what a new run would do, whether or not the last one came to its end. */
async function copyRun({ session, place, id }: Maker, connection: string): Promise<void> {
  const from = place.bookkeeping ?? bookkeepingSchema
  if (!(await schemaExists(session, from))) return
  await session.rows(
    `INSERT INTO ${session.bookkeeping}.runs (connection, run, ended)
     SELECT $1, run, true FROM ${quoteIdentifier(from)}.runs WHERE connection = $2`,
    [id, connection],
  )
}

/**
 * Without the position in a log, which a sandbox has not: it reads what a run would find there. An overwrite
 * that did not end is begun again: what its stage holds is read again, with the same result.
 */
async function copyCheckpoints(
  { session, place, id }: Maker,
  sink: SinkStream,
  { table, production }: { readonly table: TableName; readonly production: Production },
): Promise<void> {
  const { row, target } = production
  if (row === undefined) return
  // States of another table count as little here as in a run.
  const owned = isTableOf(row, target) ? table : row.table
  const from = quoteIdentifier(place.bookkeeping ?? bookkeepingSchema)
  const { namespace, name } = streamIdOf(sink.stream.stream)
  await session.rows(
    `WITH stream AS (
       INSERT INTO ${session.bookkeeping}.streams
         (connection, namespace, name, table_schema, table_name, settings, columns, key_index, staged, run,
          sync_id, generation_id, epoch, complete)
       SELECT $1, $2, $3, $4, $5, settings, $8, NULL, false, run, sync_id, generation_id, epoch, complete OR $6
         FROM ${from}.streams WHERE id = $7
       RETURNING id)
     INSERT INTO ${session.bookkeeping}.slices
       (stream_id, slice, ordinal, partition, planned_sync, state, seq, loaded, rejected, complete)
     SELECT stream.id, slice, ordinal, 0, planned_sync, state, seq, loaded, rejected, complete
       FROM stream, ${from}.slices WHERE stream_id = $7`,
    [
      ...[id, namespace ?? null, name, owned.schema, owned.table, target.isOverwrite, row.id],
      JSON.stringify(columnsBefore(sink, row, production)),
    ],
  )
}

/** The sandbox's table begins with the columns that a run would add: they are no columns that came back. */
function columnsBefore(
  sink: SinkStream,
  { columns }: StreamRow,
  { target, plan }: Pick<Production, 'target' | 'plan'>,
): StreamRow['columns'] {
  const added = new Set(plan.changes.flatMap(({ kind, column }) => (kind === 'add' ? column : [])))
  const fields = target.columns.flatMap(({ name, field }) => (added.has(name) ? field : []))
  const known = new Set(columns.map(({ name }) => name))
  const isNew = (name: string): boolean => fields.includes(name) && !known.has(name)
  return [...columns, ...sink.columns.filter(({ name }) => isNew(name))]
}
