import type { TestDatabase } from '../../../support/postgres.ts'

type Values = Readonly<Record<string, unknown>>

export interface ComparedTable {
  /** Rows of the table, as texts that can be compared. */
  readonly loaded: readonly string[]
  /** The records that the connector printed, as the same texts. */
  readonly printed: readonly string[]
  /** Columns with values that their declared type cannot hold: NULL in the table, with a note. */
  readonly notHeld: readonly string[]
}

/** A table beside the records that a connector printed. Only declared fields have columns. */
export async function compareTable(
  database: TestDatabase,
  { schema, table }: { readonly schema: string; readonly table: string },
  records: readonly Values[],
): Promise<ComparedTable> {
  const columns = await database.query(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_schema = $1 AND table_name = $2 AND column_name NOT LIKE '\\_airbyte%'
     ORDER BY ordinal_position`,
    [schema, table],
  )
  const rows = await database.query(
    `SELECT to_jsonb(t) AS row FROM "${schema}"."${table.replaceAll('"', '""')}" t`,
  )
  const loaded = rows.map(({ row }) => row as Values)
  const notHeld = new Set(loaded.flatMap(changedFields))
  const types = columns
    .map(({ name, type }) => [String(name), String(type)] as const)
    .filter(([name]) => !notHeld.has(name))
  const textOf = (values: Values): string =>
    JSON.stringify(types.map(([name, type]) => comparable(values[name], type)))
  return {
    loaded: loaded.map(textOf).toSorted(),
    printed: records.map(textOf).toSorted(),
    notHeld: [...notHeld].toSorted(),
  }
}

/** The last record of each key; all of them if there is no key. */
export function newestOfEachKey(
  records: readonly Values[],
  key: readonly (readonly string[])[],
): readonly Values[] {
  if (key.length === 0) return records
  const keyOf = (record: Values): string =>
    JSON.stringify(key.map((path) => path.reduce<unknown>(valueIn, record)))
  return [...new Map(records.map((record) => [keyOf(record), record] as const)).values()]
}

function valueIn(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Values)[name] : undefined
}

function changedFields({ _airbyte_meta: meta }: Values): readonly string[] {
  const { changes = [] } = (meta ?? {}) as { changes?: readonly { readonly field: string }[] }
  return changes.map(({ field }) => field)
}

function comparable(value: unknown, type: string): unknown {
  if (value === undefined || value === null) return null
  switch (type) {
    case 'timestamp with time zone':
    case 'timestamp without time zone':
      return momentOf(typeof value === 'string' ? value : JSON.stringify(value))
    case 'bigint':
    case 'numeric':
    case 'double precision':
      return Number(value)
    case 'jsonb':
      return sorted(value)
    case 'boolean':
      return value
    default:
      return typeof value === 'string' ? value : JSON.stringify(value)
  }
}

function momentOf(text: string): number | string {
  const isZoned = /(?:[zZ]|[+-]\d\d(?::?\d\d)?)$/.test(text.slice(10))
  const moment = Date.parse(isZoned ? text : `${text}Z`)
  return Number.isNaN(moment) ? text : moment
}

/** jsonb has its own order of names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, inner]) => [name, sorted(inner)]))
}
