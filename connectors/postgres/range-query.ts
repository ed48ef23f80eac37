import { typedLiteral } from './column-types.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { RangeState } from './states.ts'
import type { SourceColumn, StreamSource } from './stream-source.ts'

/** The rest of a range, in the order of its key. Row comparison is what a btree index answers directly. */
export function rangeQuery(source: StreamSource, state: RangeState): string {
  const { key } = source
  const lower =
    state.after === null ? comparison(key, '>=', state.from) : comparison(key, '>', state.after)
  const conditions = [...lower, ...comparison(key, '<', state.to)]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  const order = key.map(({ name }) => quoteIdentifier(name)).join(', ')
  return `SELECT ${source.selectList} FROM ${source.from}${where} ORDER BY ${order}`
}

function comparison(
  key: readonly SourceColumn[],
  operator: '>' | '>=' | '<',
  values: readonly string[] | null,
): string[] {
  if (values === null) return []
  const columns = key.map(({ name }) => quoteIdentifier(name)).join(', ')
  const literals = key.map(({ type }, index) => typedLiteral(values[index] ?? '', type)).join(', ')
  return [
    key.length === 1
      ? `${columns} ${operator} ${literals}`
      : `(${columns}) ${operator} (${literals})`,
  ]
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
