import { operatorIn } from '../../../postgres/search-path.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'

/**
 * The schema of the operators that compare values of a column; the catalog's for one that the table does not
 * have yet.
 */
export function operatorSchema(
  actual: ReadonlyMap<string, { readonly operators: string }> | undefined,
  column: string,
): string {
  return actual?.get(column)?.operators ?? 'pg_catalog'
}

/** `schema`: of the type's operators. */
export function isEqual(left: string, right: string, schema: string): string {
  return `${left} ${operatorIn(quoteIdentifier(schema), '=')} ${right}`
}

/** IS NOT DISTINCT FROM, which cannot name its operator. Never NULL. */
export function isSame(left: string, right: string, schema: string): string {
  return `CASE WHEN ${left} IS NULL OR ${right} IS NULL THEN ${left} IS NULL AND ${right} IS NULL ELSE ${isEqual(left, right, schema)} END`
}
