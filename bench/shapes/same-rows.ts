import { z } from 'zod'
import type { BenchServer } from '../bench-server.ts'
import type { TableKind, TableShape } from '../table-shape.ts'

/** The contents of a database in the tables of a shape: a line for each. */
interface TableContents {
  readonly tables: readonly TableShape[]
  /** The names of the columns of each table, as SQL: programs may add columns of their own. */
  readonly columns: ReadonlyMap<string, string>
  readonly lines: readonly string[]
}

export async function sourceContents(
  bench: BenchServer,
  tables: readonly TableShape[],
): Promise<TableContents> {
  const text = await bench.sourceValue(
    `SELECT jsonb_object_agg(relname, columns)::text
       FROM (SELECT relname, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
               FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
              WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
              GROUP BY relname) t`,
  )
  const found = z.record(z.string(), z.string()).parse(JSON.parse(text))
  const columns = new Map(Object.entries(found))
  const lines = await bench.sourceValue(contentsQuery(tables, columns))
  return { tables, columns, lines: lines.split('\n') }
}

/**
 * Throws unless `warehouse` has the same rows in these columns as the source: the same number, and the same
 * sum of their texts' hashes.
 */
export async function requireSameRows(
  bench: BenchServer,
  { tables, columns, lines }: TableContents,
): Promise<void> {
  const loaded = (await bench.value(contentsQuery(tables, columns))).split('\n')
  const different = lines.find((line, index) => line !== loaded[index])
  if (different === undefined) return
  throw new Error(
    `the source has ${different}, the destination ${loaded[lines.indexOf(different)] ?? ''}`,
  )
}

/** As `requireSameRows`, of the numbers of rows only: cheap enough for every round. */
export async function requireRowCounts(
  bench: BenchServer,
  { tables }: Pick<TableContents, 'tables'>,
): Promise<void> {
  const parts = tables.map(({ name }) => `SELECT count(*)::text AS line FROM ${name}`)
  const counts = (await bench.value(joined(parts))).split('\n')
  tables.forEach(({ name, rows }, index) => {
    if (counts[index] !== String(rows))
      throw new Error(`${name} has ${counts[index] ?? ''} rows instead of ${String(rows)}`)
  })
}

/**
 * Throws unless all tables of `warehouse` have a key, or none: the compared programs must have the same work.
 */
export async function requireKind(bench: BenchServer, kind: TableKind): Promise<void> {
  const others = await bench.value(
    `SELECT count(*) FILTER (WHERE keys ${kind === 'key' ? '= 0' : '> 0'})
       FROM (SELECT count(indexrelid) AS keys FROM pg_class LEFT JOIN pg_index ON indrelid = pg_class.oid AND indisunique
              WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' GROUP BY pg_class.oid) t`,
  )
  if (others === '0') return
  const found = kind === 'key' ? 'no key' : 'a key'
  throw new Error(`tables of the destination that have ${found}: ${others}`)
}

function contentsQuery(
  tables: readonly TableShape[],
  columns: ReadonlyMap<string, string>,
): string {
  return joined(
    tables.map(
      ({ name }) =>
        `SELECT '${name}: ' || count(*) || ' rows, hash ' || coalesce(sum(hashtextextended(ROW(${columns.get(name) ?? ''})::text, 0)::numeric), 0) AS line FROM ${name}`,
    ),
  )
}

function joined(parts: readonly string[]): string {
  const numbered = parts.map(
    (part, index) => `(SELECT ${String(index)} AS place, line FROM (${part}) p)`,
  )
  return `SELECT string_agg(line, E'\\n' ORDER BY place) FROM (${numbered.join(' UNION ALL ')}) t`
}
