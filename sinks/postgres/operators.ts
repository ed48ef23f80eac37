import { operatorIn } from '../../connectors/postgres/search-path.ts'
import { quoteIdentifier } from './identifiers.ts'

/** `schema`: of the type's operators. */
export function isEqual(one: string, other: string, schema: string): string {
  return `${one} ${operatorIn(quoteIdentifier(schema), '=')} ${other}`
}

/** IS NOT DISTINCT FROM, which cannot name its operator. Never NULL. */
export function isSame(one: string, other: string, schema: string): string {
  return `CASE WHEN ${one} IS NULL OR ${other} IS NULL THEN ${one} IS NULL AND ${other} IS NULL ELSE ${isEqual(one, other, schema)} END`
}
