import { operatorIn } from '../../../postgres/search-path.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'

/** The schema of the operators that compare values of a column; the catalog's for one that the table does not have yet. */
export function operatorSchema(
  actual: ReadonlyMap<string, { readonly operators: string }> | undefined,
  column: string,
): string {
  return actual?.get(column)?.operators ?? 'pg_catalog'
}

/** `schema`: of the type's operators. */
export function isEqual(one: string, other: string, schema: string): string {
  return `${one} ${operatorIn(quoteIdentifier(schema), '=')} ${other}`
}

/** IS NOT DISTINCT FROM, which cannot name its operator. Never NULL. */
export function isSame(one: string, other: string, schema: string): string {
  return `CASE WHEN ${one} IS NULL OR ${other} IS NULL THEN ${one} IS NULL AND ${other} IS NULL ELSE ${isEqual(one, other, schema)} END`
}
