import { dictOf, isIndexLike } from '../../value/dict.ts'
import { DecodeError } from '../decoders/decode-error.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/** The texts that pandas takes for a missing value. */
const missing: ReadonlySet<string> = new Set([
  '',
  '#N/A',
  '#N/A N/A',
  '#NA',
  '-1.#IND',
  '-1.#QNAN',
  '-NaN',
  '-nan',
  '1.#IND',
  '1.#QNAN',
  '<NA>',
  'N/A',
  'NA',
  'NULL',
  'NaN',
  'None',
  'n/a',
  'nan',
  'null',
])
const onlyEmpty: ReadonlySet<string> = new Set([''])

/**
 * Makes dicts of the rows of a CSV, as pandas' `read_csv` does. The first row has the names. Blank lines are
 * left out. If the first row of data is longer than the header, its first columns are an index and left out.
 * A longer row is an error.
 */
export class TableRows {
  readonly #missing: ReadonlySet<string>
  #names: readonly string[] | undefined
  #isPlain = true
  /** How many first columns are an index; undefined before the first row of data. */
  #skipped: number | undefined

  /** @param naValues how texts such as NA and null are read; an empty field is null in any case */
  constructor(naValues: 'null' | 'kept') {
    this.#missing = naValues === 'null' ? missing : onlyEmpty
  }

  dictsOf(rows: readonly (readonly string[])[]): Dict[] {
    const dicts: Dict[] = []
    for (const row of rows) {
      if (isBlank(row)) continue
      if (this.#names === undefined) this.#setNames(row)
      else dicts.push(this.#dict(this.#names, row))
    }
    return dicts
  }

  #setNames(row: readonly string[]): void {
    this.#names = distinctNames(row)
    this.#isPlain = !this.#names.some((name) => isIndexLike(name) || name === '__proto__')
  }

  #dict(names: readonly string[], row: readonly string[]): Dict {
    this.#skipped ??= Math.max(0, row.length - names.length)
    const skipped = this.#skipped
    if (row.length > names.length + skipped)
      throw new DecodeError('ParserError', 'A row of the CSV has more fields than the header.')
    const value = (position: number) => {
      const field = row[position + skipped]
      return field === undefined || this.#missing.has(field) ? null : field
    }
    if (!this.#isPlain) return dictOf(names.map((name, index) => [name, value(index)]))
    const dict: PlainDict = {}
    let position = 0
    for (const name of names) dict[name] = value(position++)
    return dict
  }
}

function isBlank(row: readonly string[]): boolean {
  const [only] = row
  return row.length === 0 || (row.length === 1 && only !== undefined && /^[ \t]+$/.test(only))
}

/** A repeated name gets a number; an empty name is replaced by that of its column. */
function distinctNames(row: readonly string[]): string[] {
  const names = row.map((name, index) => (name === '' ? `Unnamed: ${index}` : name))
  const order = [...names.keys()].sort((a, b) => Number(row[a] === '') - Number(row[b] === ''))
  const counts = new Map<string, number>()
  for (const position of order) {
    const original = names[position] ?? ''
    let name = original
    let count = counts.get(name) ?? 0
    while (count > 0) {
      counts.set(original, count + 1)
      name = `${original}.${count}`
      count = names.includes(name) ? count + 1 : (counts.get(name) ?? 0)
    }
    names[position] = name
    counts.set(name, count + 1)
  }
  return names
}
