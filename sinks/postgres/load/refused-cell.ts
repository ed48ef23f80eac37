import { DatabaseError } from 'pg'

/** A cell that the server refused. */
export interface RefusedCell {
  /** Line of the COPY, from 1. */
  readonly line: number
  /** Index in the given columns. */
  readonly column: number
}

/**
 * The text that the JSON parser puts before the context of the COPY: `JSON data, line 1: {"a":...`. A quoted
 * statement is no such line.
 */
const jsonLine = /^[^\d"'«»„(\n]*JSON[^\d"'«»„(\n]*\d[^\n]*\n/
/**
 * From the relation on: `, line 12, column `. If a row is shown in the place of a column, a colon follows the
 * number.
 */
const columnFollows = /^[,、，]\D*(\d+)\s*[,、，]\s*\S+\s/

/**
 * Reads the context of a COPY error: `COPY relation, line 12, column price: "x"`. The words are in the
 * server's language, so only the relation, the number and the place of the column's name are looked for.
 * Undefined if no column of these is named, or if a function (of a trigger, a generated column, a type) was
 * at work: then no cell was being read, and what looks like the name of a column may be the text of the row.
 */
export function refusedCell(
  context: string,
  relation: string,
  columns: readonly (string | undefined)[],
): RefusedCell | undefined {
  const copy = context.replace(jsonLine, '')
  const prefix = `COPY ${relation}`
  if (!copy.startsWith(prefix)) return undefined
  const match = columnFollows.exec(copy.slice(prefix.length))
  if (match === null) return undefined
  const column = longestNamed(copy.slice(prefix.length + match[0].length), columns)
  return column === undefined ? undefined : { line: Number(match[1]), column }
}

/** One name may begin with another: `price: "x"` and `price 2: "x"`. */
function longestNamed(text: string, columns: readonly (string | undefined)[]): number | undefined {
  let longest = ''
  let found: number | undefined
  columns.forEach((name, column) => {
    if (name === undefined || name.length <= longest.length || !isNamed(text, name)) return
    longest = name
    found = column
  })
  return found
}

/** The value follows; a binary COPY shows none. */
function isNamed(text: string, name: string): boolean {
  return text.startsWith(name) && /^(?:\s?[:：]|\n|$)/.test(text.slice(name.length))
}

/** Arrays and types of extensions (hstore) have codes of their own for a text that they cannot read. */
const ownCodes: readonly string[] = ['42601', '54000']

/**
 * Returns what the server says about a value that it read; undefined if the error is another one: of a
 * statement, or of a function at work, which the error of the session names.
 */
export function refusedValue(
  thrown: unknown,
  relation: string,
  names: readonly (string | undefined)[],
): { readonly sqlstate: string; readonly cell: RefusedCell | undefined } | undefined {
  if (!(thrown instanceof DatabaseError)) return undefined
  const { code: sqlstate = '', where = '' } = thrown
  const isOfData = sqlstate.startsWith('22')
  if (!isOfData && !ownCodes.includes(sqlstate)) return undefined
  const cell = refusedCell(where, relation, names)
  return cell === undefined && !(isOfData && where.startsWith('COPY '))
    ? undefined
    : { sqlstate, cell }
}
