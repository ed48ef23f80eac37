import { exactNumber, type ColumnKind, type RecordValue } from '../protocol/index.ts'

/** A text of a CSV file as a value; a text that the kind cannot hold stays what it is. */
export type TextReader = (text: string) => RecordValue

/** Also `007` has the form of one, but is a code of digits: `+` and zeros at the front would be lost. */
export const integerText = /^-?(?:0|[1-9][0-9]*)$/
/** In the syntax of JSON, with an exponent that a number can have. */
export const numberText = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$/

const readers: Readonly<Partial<Record<ColumnKind, TextReader>>> = {
  boolean: (text) => booleans.get(text.toLowerCase()) ?? text,
  integer: (text) => (integerText.test(text) ? exactNumber(text) : text),
  number: (text) => (numberText.test(text) ? exactNumber(text) : text),
  double: (text) => (numberText.test(text) ? Number(text) : text),
}

/** How texts of a column are read; undefined for kinds whose values are texts. */
export function textReaderOf(kind: ColumnKind): TextReader | undefined {
  return readers[kind]
}

export const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
])
