import { operatorOf, typedLiteral } from './column-types.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import type { RangeState } from './states.ts'
import type { SourceColumn, StreamSource } from './stream-source.ts'

/** The rest of a range, in the order of its key. A btree index evaluates a row comparison directly. */
export function rangeQuery(source: StreamSource, state: RangeState): string {
  const { key } = source
  const lower =
    state.after === null ? comparison(key, '>=', state.from) : comparison(key, '>', state.after)
  const own = source.where === undefined ? [] : [source.where]
  const conditions = [...lower, ...comparison(key, '<', state.to), ...own]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  const order = key.map(({ name }) => quoteIdentifier(name)).join(', ')
  return `SELECT ${source.selectList} FROM ${source.from}${where} ORDER BY ${order}`
}

/**
 * Operators are named with the schema of their type. Types of several schemas (citext beside bigint) have
 * none in common, so that their columns are compared one after the other; the first one alone lets the index
 * be used.
 */
function comparison(
  key: readonly SourceColumn[],
  operator: '>' | '>=' | '<',
  values: readonly string[] | null,
): string[] {
  if (values === null) return []
  const [first] = key
  if (first === undefined) return []
  if (key.some(({ type }) => type.operators !== first.type.operators))
    return [
      compared(first, operator === '<' ? '<=' : '>=', values[0]),
      inTurn(key, operator, values),
    ]
  if (key.length === 1) return [compared(first, operator, values[0])]
  const columns = key.map(({ name }) => quoteIdentifier(name)).join(', ')
  const literals = key.map(({ type }, index) => typedLiteral(values[index] ?? '', type)).join(', ')
  return [`(${columns}) ${operatorOf(first.type, operator)} (${literals})`]
}

function compared({ name, type }: SourceColumn, operator: string, value = ''): string {
  return `${quoteIdentifier(name)} ${operatorOf(type, operator)} ${typedLiteral(value, type)}`
}

function inTurn(
  [column, ...others]: readonly SourceColumn[],
  operator: '>' | '>=' | '<',
  [value, ...rest]: readonly string[],
): string {
  if (column === undefined) return 'false'
  if (others.length === 0) return compared(column, operator, value)
  const strict = operator === '<' ? '<' : '>'
  return `(${compared(column, strict, value)} OR ${compared(column, '=', value)} AND ${inTurn(others, operator, rest)})`
}

/** Neighbouring ranges from the bounds between them: they cover every key exactly once. */
export function rangesBetween(
  key: readonly string[],
  bounds: readonly (readonly string[])[],
): RangeState[] {
  const edges = [null, ...bounds.map((bound) => [...bound]), null]
  return edges.slice(1).map((to, index) => ({
    kind: 'range',
    key: [...key],
    from: edges[index] ?? null,
    to,
    after: null,
    done: false,
  }))
}
