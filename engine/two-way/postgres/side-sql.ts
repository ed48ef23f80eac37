import type { Values } from '../../../sinks/two-way/link.ts'
import type { SideWrite } from '../pair-side.ts'
import { sharedText, type TableColumn, type TableShape } from './table-shape.ts'

/** A row as the statements of a side select it. */
export interface ReadRow extends Record<string, unknown> {
  readonly id: string
  readonly hash: string
  /** In the order of the fields. */
  readonly values: readonly (string | null)[]
  readonly in_scope: boolean
  readonly is_deleted: boolean
  readonly deleted_at: number | null
  readonly modified_at: number | null
}

type Statement = readonly [sql: string, parameters: readonly unknown[]]

// Statements that write run on the role's search path, so that triggers find what they need: everything in
// them has its schema. `t` is the row everywhere.

export function valuesIn({ values }: ReadRow, { fields }: TableShape): Values {
  return Object.fromEntries([...fields.keys()].map((name, index) => [name, values[index] ?? null]))
}

function keyText({ key }: TableShape): string {
  return sharedText(key)
}

function listOf({ fields }: TableShape): string {
  return `pg_catalog.json_build_array(${[...fields.values()].map(sharedText).join(', ')})`
}

function hashOf({ fields }: TableShape): string {
  const texts = [...fields.values()].map(sharedText).join(', ')
  return `pg_catalog.md5(ROW(${texts})::pg_catalog.text)`
}

function isDeleted({ deleted }: TableShape): string {
  if (deleted === undefined) return 'false'
  return deleted.kind === 'boolean'
    ? `(t.${deleted.sql} IS TRUE)`
    : `(t.${deleted.sql} IS NOT NULL)`
}

function scopeOf({ options }: TableShape): string {
  return options.where === undefined ? 'true' : `((${options.where}) IS TRUE)`
}

function epochMs(column: TableColumn | undefined): string {
  const isTime = column?.kind === 'time' || column?.kind === 'local_time'
  return isTime
    ? `(extract(epoch FROM t.${column.sql}) * 1000)::pg_catalog.float8`
    : 'NULL::pg_catalog.float8'
}

function modifiedMs({ modified, hasCommitTimes }: TableShape): string {
  if (modified === undefined && hasCommitTimes)
    return `(extract(epoch FROM pg_catalog.pg_xact_commit_timestamp(t.xmin)) * 1000)::pg_catalog.float8`
  return epochMs(modified)
}

export function sweepSql(shape: TableShape): string {
  return `SELECT s.id, s.hash FROM (
      SELECT ${keyText(shape)} AS id, ${hashOf(shape)} AS hash FROM ${shape.name} t
      WHERE ${scopeOf(shape)} AND NOT ${isDeleted(shape)}) s
    ORDER BY s.id COLLATE "C"`
}

/** Parameter: the ids. */
export function readSql(shape: TableShape): string {
  return `SELECT ${keyText(shape)} AS id, ${hashOf(shape)} AS hash, ${listOf(shape)} AS values,
      ${scopeOf(shape)} AS in_scope, ${isDeleted(shape)} AS is_deleted,
      ${epochMs(shape.deleted)} AS deleted_at, ${modifiedMs(shape)} AS modified_at
    FROM ${shape.name} t
    WHERE t.${shape.key.sql} = ANY ($1::pg_catalog.text[]::${shape.key.type}[])`
}

/** Parameter: the values. */
export function findSql(shape: TableShape, field: string): string {
  const column = shape.fields.get(field)
  const text = column === undefined ? 'NULL::pg_catalog.text' : sharedText(column)
  return `SELECT ${keyText(shape)} AS id, ${text} AS value FROM ${shape.name} t
    WHERE ${text} IN (SELECT v FROM pg_catalog.unnest($1::pg_catalog.text[]) v) AND ${scopeOf(shape)} AND NOT ${isDeleted(shape)}`
}

/** Parameter: keys, as the server writes them. */
export function sharedIdsSql(shape: TableShape): string {
  return `SELECT ${keyText(shape)} AS id
    FROM pg_catalog.unnest($1::pg_catalog.text[]::${shape.key.type}[]) AS t(${shape.key.sql})`
}

/** The newest time of the last change, as text. */
export function newestSql(shape: TableShape): string {
  return `SELECT max(${pastOf(shape)})::pg_catalog.text AS newest FROM ${shape.name} t`
}

/**
 * Rows that are as new as the newest one, or were set a little earlier by a transaction that ended later.
 * Parameters: the newest time, and the most rows.
 */
export function modifiedSql(shape: TableShape): string {
  const modified = modifiedOf(shape)
  const type = shape.modified?.type ?? 'pg_catalog.timestamptz'
  return `SELECT ${keyText(shape)} AS id, ${modified}::pg_catalog.text AS modified,
      ${pastOf(shape)}::pg_catalog.text AS past FROM ${shape.name} t
    WHERE ${modified} >= coalesce($1::pg_catalog.text::${type} - interval '5 seconds', '-infinity')
    ORDER BY ${modified} LIMIT $2`
}

function modifiedOf({ modified }: TableShape): string {
  return modified === undefined ? 'NULL::pg_catalog.timestamptz' : `t.${modified.sql}`
}

/** A time in the future must not hide the changes before it. */
function pastOf(shape: TableShape): string {
  const latest =
    shape.modified?.kind === 'time' ? 'now()' : `(now() AT TIME ZONE 'UTC' + interval '14 hours')`
  return `least(${modifiedOf(shape)}, ${latest})`
}

/** The parameters of a statement, each with the SQL that reads it. */
class Parameters {
  readonly values: unknown[] = []

  add(value: unknown, type: string): string {
    this.values.push(value)
    return `$${String(this.values.length)}::pg_catalog.text::${type}`
  }
}

/** The statement with the note that it was carried out, which is the same transaction. */
function noted(shape: TableShape, rows: string, id: string): string {
  return `WITH ${rows}, noted AS (
      INSERT INTO reactor_connect.two_way_writes (id, record, values, is_written)
      SELECT ${id}, ${keyText(shape)}, ${listOf(shape)}, true FROM t)
    SELECT ${keyText(shape)} AS id, ${listOf(shape)} AS values FROM t`
}

function assignments(shape: TableShape, values: Values, parameters: Parameters): readonly string[] {
  return columnsOf(shape, values).map(
    ([column, value]) => `${column.sql} = ${parameters.add(value, column.type)}`,
  )
}

function columnsOf(
  { fields }: TableShape,
  values: Values,
): readonly (readonly [TableColumn, Values[string]])[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const column = fields.get(name)
    return column === undefined ? [] : [[column, value] as const]
  })
}

/** The row is as it was read. */
function guardOf(
  shape: TableShape,
  { record, expected }: SideWrite,
  parameters: Parameters,
): string {
  const key = `t.${shape.key.sql} OPERATOR(${shape.keyOperator}.=) ${parameters.add(record, shape.key.type)}`
  const fields = columnsOf(shape, expected?.values ?? {}).map(([column, value]) => {
    const text = sharedText(column)
    return value === null
      ? `${text} IS NULL`
      : `${text} OPERATOR(pg_catalog.=) ${parameters.add(value, 'pg_catalog.text')}`
  })
  return [key, `NOT ${isDeleted(shape)}`, ...fields].join(' AND ')
}

export function updateSql(shape: TableShape, write: SideWrite): Statement {
  const parameters = new Parameters()
  const id = parameters.add(write.id, 'pg_catalog.text')
  const set = assignments(shape, write.values, parameters)
  const rows = `t AS (UPDATE ${shape.name} t SET ${set.join(', ')}
    WHERE ${guardOf(shape, write, parameters)} RETURNING t.*)`
  return [noted(shape, rows, id), parameters.values]
}

/** Deletes a row, or marks it if the table has a column for that. */
export function removeSql(shape: TableShape, write: SideWrite): Statement {
  const parameters = new Parameters()
  const id = parameters.add(write.id, 'pg_catalog.text')
  const guard = guardOf(shape, write, parameters)
  const rows =
    write.operation === 'mark_deleted' && shape.deleted !== undefined
      ? `UPDATE ${shape.name} t SET ${shape.deleted.sql} = ${deletedMark(shape.deleted)} WHERE ${guard} RETURNING t.*`
      : `DELETE FROM ${shape.name} t WHERE ${guard} RETURNING t.*`
  return [noted(shape, `t AS (${rows})`, id), parameters.values]
}

function deletedMark({ kind }: TableColumn): string {
  return kind === 'boolean' ? 'true' : 'pg_catalog.clock_timestamp()'
}

/** Inserts a row. One that is restored gets its old id, or loses its mark if it is still there. */
export function insertSql(shape: TableShape, write: SideWrite): Statement {
  const parameters = new Parameters()
  const id = parameters.add(write.id, 'pg_catalog.text')
  const isRestored = write.operation === 'restore' && write.record !== null
  const revived =
    isRestored && shape.deleted !== undefined ? reviveSql(shape, write, parameters) : undefined
  const cells = columnsOf(shape, write.values)
    .filter(([, value]) => value !== null)
    .map(([column, value]) => [column.sql, parameters.add(value, column.type)] as const)
  const hasKey = cells.some(([sql]) => sql === shape.key.sql)
  if (isRestored && !hasKey)
    cells.unshift([shape.key.sql, parameters.add(write.record, shape.key.type)])
  const columns = cells.map(([sql]) => sql).join(', ')
  const source = revived === undefined ? '' : ' WHERE NOT EXISTS (SELECT FROM revived)'
  const insert =
    cells.length === 0
      ? `INSERT INTO ${shape.name} AS t DEFAULT VALUES RETURNING t.*`
      : `INSERT INTO ${shape.name} AS t (${columns}) OVERRIDING SYSTEM VALUE
         SELECT ${cells.map(([, value]) => value).join(', ')}${source}
         ${isRestored ? 'ON CONFLICT DO NOTHING' : ''} RETURNING t.*`
  const rows =
    revived === undefined
      ? `t AS (${insert})`
      : `revived AS (${revived}), made AS (${insert}),
         t AS (SELECT * FROM revived UNION ALL SELECT * FROM made)`
  return [noted(shape, rows, id), parameters.values]
}

function reviveSql(shape: TableShape, write: SideWrite, parameters: Parameters): string {
  const { deleted, key } = shape
  const unmarked =
    deleted === undefined
      ? []
      : [`${deleted.sql} = ${deleted.kind === 'boolean' ? 'false' : 'NULL'}`]
  const set = [...unmarked, ...assignments(shape, write.values, parameters)]
  return `UPDATE ${shape.name} t SET ${set.join(', ')}
    WHERE t.${key.sql} OPERATOR(${shape.keyOperator}.=) ${parameters.add(write.record, key.type)}
      AND ${isDeleted(shape)} RETURNING t.*`
}
