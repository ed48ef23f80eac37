import { createHash } from 'node:crypto'

/** Postgres cuts longer names off without a word. */
const maxBytes = 63
const hashLength = 8

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quoteTable({ schema, name }: TableName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`
}

export interface TableName {
  readonly schema: string
  readonly name: string
}

/**
 * A name that Postgres takes as it is: without U+0000, not empty, at most 63 bytes. A name that had to be changed ends in a hash of
 * the original, so that two long names with the same beginning stay apart, and the same name always gives the same result.
 */
export function postgresName(name: string): string {
  const plain = name.replaceAll('\u0000', '').toWellFormed()
  if (plain === name && plain !== '' && Buffer.byteLength(plain) <= maxBytes) return plain
  const hash = createHash('sha256').update(JSON.stringify(name)).digest('hex').slice(0, hashLength)
  return `${cutBytes(plain, maxBytes - hashLength - 1)}_${hash}`
}

/** The longest beginning of whole characters that fits. */
function cutBytes(text: string, limit: number): string {
  let bytes = 0
  let result = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > limit) break
    result += character
  }
  return result
}
