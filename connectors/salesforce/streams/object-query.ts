/** A place in the order of a stream: after the record `id`, whose cursor has the value `stamp`. */
export interface Position {
  /** Null if the stream is ordered by id alone. */
  readonly stamp: string | null
  readonly id: string
}

export interface ObjectQuery {
  readonly object: string
  /** Null: by id alone. */
  readonly cursor: string | null
  readonly from: string | null
  readonly after: Position | undefined
}

/** More fields than these in the address of a request are asked for by their records' ids. */
const longestNames = 12_000
const separator = '%2C'.length

/** The fields of a query, and those that no longer fit into the address of a request. */
export function splitNames(names: readonly string[]): {
  readonly queried: readonly string[]
  readonly retrieved: readonly string[]
} {
  let length = 0
  const end = names.findIndex((name) => {
    length += name.length + separator
    return length > longestNames
  })
  return end < 0
    ? { queried: names, retrieved: [] }
    : { queried: names.slice(0, end), retrieved: names.slice(end) }
}

/** In the order of the stream. */
export function orderedQuery(names: readonly string[], query: ObjectQuery): string {
  const order = query.cursor === null ? 'Id' : `${query.cursor}, Id`
  return `${unorderedQuery(names, query)} ORDER BY ${order}`
}

/** Salesforce reads a large object in several parts if no order is asked for. */
export function unorderedQuery(names: readonly string[], query: ObjectQuery): string {
  const condition = conditionOf(query)
  const where = condition === '' ? '' : ` WHERE ${condition}`
  return `SELECT ${names.join(',')} FROM ${query.object}${where}`
}

function conditionOf({ cursor, from, after }: ObjectQuery): string {
  if (cursor === null) return after === undefined ? '' : `Id > ${quoted(after.id)}`
  if (after !== undefined) {
    const stamp = after.stamp ?? ''
    return `${cursor} >= ${stamp} AND (${cursor} > ${stamp} OR Id > ${quoted(after.id)})`
  }
  return from === null ? '' : `${cursor} >= ${from}`
}

export function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}
