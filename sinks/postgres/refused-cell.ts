/** A cell that the server refused. */
export interface RefusedCell {
  /** Line of the COPY, from 1. */
  readonly line: number
  /** Index in the given columns. */
  readonly column: number
}

/**
 * Reads the context of a COPY error: `COPY relation, line 12, column price: "x"`. The words are in the server's language, so
 * only the relation, the number and the column's name are looked for. Undefined where no column is named.
 */
export function refusedCell(
  context: string,
  relation: string,
  columns: readonly (string | undefined)[],
): RefusedCell | undefined {
  const prefix = `COPY ${relation}`
  const line = context.split('\n').find((candidate) => candidate.startsWith(prefix))
  if (line === undefined) return undefined
  const match = /^\D*(\d+)\D*?[ ,]/.exec(context.slice(context.indexOf(line) + prefix.length))
  if (match === null) return undefined
  const rest = context.slice(context.indexOf(line) + prefix.length + match[0].length)
  let best: { readonly column: number; readonly at: number; readonly length: number } | undefined
  columns.forEach((name, column) => {
    if (name === undefined) return
    const at = placeOf(rest, name)
    if (at < 0) return
    const isBetter =
      best === undefined || at < best.at || (at === best.at && name.length > best.length)
    if (isBetter) best = { column, at, length: name.length }
  })
  return best === undefined ? undefined : { line: Number(match[1]), column: best.column }
}

/** Where the name stands as a whole, before the quoted value; the value itself may hold anything. */
function placeOf(rest: string, name: string): number {
  for (const end of [':', ' :', ',']) {
    const at = ` ${rest}`.indexOf(` ${name}${end}`)
    if (at >= 0) return at
  }
  // A binary COPY shows no value.
  const line = ` ${rest.split('\n', 1)[0] ?? ''}`
  return line.endsWith(` ${name}`) ? line.length - name.length - 1 : -1
}
