import { list, optionalText } from '../../definition.ts'
import { dictOf, isIndexLike } from '../../value/dict.ts'
import { contains } from '../../value/equality.ts'
import { typeError } from '../../value/python-error.ts'
import { CsvReader } from './csv-reader.ts'
import { decodeChunks } from './text-chunks.ts'
import { unescapeText } from './unescape-text.ts'
import type { BodyParser } from './body-parser.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** CsvDecoder: a dict for each row, with the first row as keys, as Python's `csv.DictReader` makes it. */
export function csvParser(definition: PlainDict): BodyParser {
  const encoding = optionalText(definition, 'encoding') ?? 'utf-8'
  const delimiter = delimiterOf(definition)
  const nulls = list(definition, 'set_values_to_none')
  return async function* parse(bytes) {
    if (delimiter.length !== 1) throw typeError('"delimiter" must be a 1-character string')
    const reader = new CsvReader(delimiter)
    const dicts = new RowDicts(nulls)
    for await (const text of decodeChunks(bytes, encoding)) {
      const values = dicts.dictsOf(reader.push(text))
      if (values.length > 0) yield values
    }
    const values = dicts.dictsOf(reader.end())
    if (values.length > 0) yield values
  }
}

function delimiterOf(definition: PlainDict): string {
  const delimiter = optionalText(definition, 'delimiter') ?? ','
  const plain = delimiter.startsWith('\\') ? unescapeText(delimiter) : delimiter
  return plain === '' ? ',' : plain
}

/**
 * Makes dicts of rows. Missing fields are null; fields beyond the header become a list under the key null.
 */
class RowDicts {
  readonly #nulls: readonly Value[]
  #header: readonly string[] | undefined
  #isPlain = true

  constructor(nulls: readonly Value[]) {
    this.#nulls = nulls
  }

  dictsOf(rows: readonly (readonly string[])[]): Dict[] {
    const dicts: Dict[] = []
    for (const row of rows) {
      if (this.#header === undefined) this.#setHeader(row)
      else if (row.length > 0) dicts.push(this.#dict(this.#header, row))
    }
    return dicts
  }

  #setHeader(row: readonly string[]): void {
    this.#header = row
    this.#isPlain = !row.some((name) => isIndexLike(name) || name === '__proto__')
  }

  #dict(header: readonly string[], row: readonly string[]): Dict {
    if (!this.#isPlain || row.length > header.length) return this.#unusualDict(header, row)
    const dict: PlainDict = {}
    let position = 0
    for (const name of header) {
      const field = row[position]
      dict[name] = field === undefined ? null : this.#value(field)
      position += 1
    }
    return dict
  }

  #unusualDict(header: readonly string[], row: readonly string[]): Dict {
    const items: [Value, Value][] = header.map((name, index) => [
      name,
      this.#value(row[index] ?? null),
    ])
    if (row.length > header.length) items.push([null, this.#value(row.slice(header.length))])
    return dictOf(items)
  }

  #value(field: Value): Value {
    return this.#nulls.length > 0 && contains(this.#nulls, field) ? null : field
  }
}
