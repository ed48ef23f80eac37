import { quoteLiteral } from '../../postgres/quote.ts'
import { hiddenBeginning } from '../../protocol/rules/mask-value.ts'
import type { Column } from '../../protocol/index.ts'
import type { Mask } from '../../protocol/rules/record-rules.ts'
import type { ColumnType } from './column-types.ts'
import { textExpression } from './condition-sql.ts'

/**
 * The expression that is selected for a masked column; undefined for a hash, whose key the server does not
 * get.
 */
export function maskExpression(
  mask: Mask,
  column: Column,
  type: ColumnType | undefined,
): string | undefined {
  if (mask.as === 'hash') return undefined
  if (mask.as === 'null') return 'NULL::pg_catalog.text'
  if (mask.as === 'constant') return `${quoteLiteral(mask.text)}::pg_catalog.text`
  const text = textExpression(column, type)
  const count = String(mask.characters)
  const hidden = quoteLiteral(hiddenBeginning)
  return `CASE WHEN ${text} IS NULL THEN NULL::pg_catalog.text
    WHEN pg_catalog.length(${text}) OPERATOR(pg_catalog.>) ${count}
    THEN ${hidden}::pg_catalog.text OPERATOR(pg_catalog.||) pg_catalog."right"(${text}, ${count})
    ELSE ${hidden}::pg_catalog.text END`
}
