import { operatorSchemaOf } from '../../../postgres/search-path.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import { baseType, metadataColumns } from '../tables/table-columns.ts'
import type { ComparedColumn } from './compare-rows.ts'

/** A column of a production table. */
export interface ProductionColumn {
  readonly name: string
  /** As Postgres writes it: `numeric(38,9)`. */
  readonly type: string
  readonly notNull: boolean
  /** The value of the column in a row that does not name it; undefined: NULL. */
  readonly fill: ColumnFill | undefined
}

export interface ColumnFill {
  /**
   * constant: the same value in every row. computed: a value of its own for each row or run, such as `now()`.
   * counter: an identity, or the next value of a sequence. generated: the table computes it from other
   * columns. opaque: a function of the user's, which a sandbox does not call.
   */
  readonly kind: 'constant' | 'computed' | 'counter' | 'generated' | 'opaque'
  /** SQL; empty for an identity. */
  readonly expression: string
}

/** The value that a run would write there is known before the run. */
export function isForeseen({ fill }: ProductionColumn): boolean {
  return fill === undefined || fill.kind === 'constant'
}

interface ColumnRow extends Record<string, unknown> {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly fills: 'counter' | 'generated' | 'opaque' | 'default' | null
  readonly expression: string | null
}

/** Built-in functions leave no trace in pg_depend, those of users and sequences do. */
export async function readColumns(
  session: DestinationSession,
  table: TableName,
): Promise<ProductionColumn[]> {
  const rows = await session.rows<ColumnRow>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS "notNull",
            pg_get_expr(adbin, adrelid) AS expression,
            CASE WHEN attgenerated <> '' THEN 'generated' WHEN attidentity <> '' THEN 'counter' WHEN d.oid IS NULL THEN NULL
                 WHEN pg_get_expr(adbin, adrelid) LIKE '%nextval(%' THEN 'counter'
                 WHEN EXISTS (SELECT FROM pg_depend p WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                                 AND p.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)) THEN 'opaque'
                 ELSE 'default' END AS fills
       FROM pg_attribute LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [quoteTable(table)],
  )
  return rows.map(({ name, type, notNull, fills, expression }) => ({
    name,
    type,
    notNull,
    fill: fills === null ? undefined : fillOf(fills, expression ?? ''),
  }))
}

function fillOf(fills: NonNullable<ColumnRow['fills']>, expression: string): ColumnFill {
  if (fills !== 'default') return { kind: fills, expression }
  return { kind: isConstant(expression) ? 'constant' : 'computed', expression }
}

/** It calls no function, and does not ask for the time or the user. */
export function isConstant(expression: string): boolean {
  const bare = expression
    .replaceAll(/'(?:[^']|'')*'/g, '')
    .replaceAll(/::[\w .]+\(\d+(?:,\d+)?\)/g, '')
  return !/[\w"]\s*\(|\b(?:CURRENT_\w+|LOCALTIME\w*|SESSION_USER|USER)\b/i.test(bare)
}

/** All columns but those of the metadata, which every run changes. */
export async function readCompared(
  session: DestinationSession,
  table: TableName,
): Promise<ComparedColumn[]> {
  const columns = await session.rows<ComparedColumn & Record<string, string>>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type,
            ${operatorSchemaOf(baseType('atttypid'))} AS operators
       FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [quoteTable(table)],
  )
  const metadata = new Set(metadataColumns('full').map(([name]) => name))
  return columns.filter(({ name }) => !metadata.has(name))
}
