import { createHash } from 'node:crypto'
import { quoteQualified } from '../../../postgres/quote.ts'

/** NAMEDATALEN - 1: Postgres cuts longer names silently, and two streams would share a table. */
const MAX_BYTES = 63

/**
 * Names that a stream's column may not take: Postgres' system columns, Airbyte's, and those of the staging
 * table.
 */
const reservedColumns = [
  'ctid',
  'xmin',
  'cmin',
  'xmax',
  'cmax',
  'tableoid',
  '_airbyte_raw_id',
  '_airbyte_extracted_at',
  '_airbyte_meta',
  '_airbyte_generation_id',
  '_reactor_seq',
  '_reactor_missing',
]

/** A table with its schema. */
export interface TableName {
  readonly schema: string
  readonly table: string
}

export function isSameTable(left: TableName, right: TableName): boolean {
  return left.schema === right.schema && left.table === right.table
}

export function quoteTable({ schema, table }: TableName): string {
  return quoteQualified(schema, table)
}

/**
 * A name that Postgres takes as it is. What had to change (over 63 bytes, U+0000, a lone surrogate, empty)
 * ends in a hash of the original: deterministic, and two long names with the same beginning stay apart.
 */
export function identifierOf(name: string): string {
  return isLegal(name) ? name : hashed(name, 8)
}

/**
 * The same for a stream's table. What is called like a stage or a key index gets another name: it could be
 * that of another stream.
 */
export function tableIdentifierOf(name: string): string {
  if (isLegal(name) && !derived.test(name)) return name
  const short = hashed(name, 8)
  // Cut to its length, a name may have become one of these.
  return derived.test(short) ? hashed(name, 12) : short
}

/** See `derivedName`. */
const derived = /__(?:stage|key|before)_[0-9a-f]{8}(?:[0-9a-f]{24})?$/

/** Whether an index of that name is one that a dedup mode made. */
export function isKeyIndexName(index: string | undefined): boolean {
  return index !== undefined && /__key_[0-9a-f]{8}$/.test(index)
}

/**
 * The name of a table that belongs to another one (its stage): the same for the same table, never another's.
 * It has the whole name of the table, which nobody else has in its schema; or, if that is too long, a hash
 * for which no second name can be found.
 */
export function derivedTable(owner: TableName, suffix: 'stage' | 'before'): TableName {
  const { schema, table } = owner
  const ending = endingOf(owner, suffix, 8)
  const isWhole = Buffer.byteLength(table) + ending.length <= MAX_BYTES
  return {
    schema,
    table: isWhole ? table + ending : withEnding(table, endingOf(owner, suffix, 32)),
  }
}

/** The name of an index of the table. Another one may have it already: see `freeName`. */
export function derivedName(table: TableName, suffix: string): string {
  return withEnding(table.table, endingOf(table, suffix, 8))
}

function endingOf({ schema, table }: TableName, suffix: string, hexDigits: number): string {
  return `__${suffix}_${digest(JSON.stringify([schema, table, suffix]), hexDigits)}`
}

function withEnding(table: string, ending: string): string {
  return cut(table, MAX_BYTES - ending.length) + ending
}

/**
 * The names of the columns in the table, in the same order. Legal names stay as they are, so that they do not
 * depend on others.
 */
export function columnNames(names: readonly string[]): string[] {
  const taken = new Set(reservedColumns)
  const isUsable = (name: string): boolean => isLegal(name) && !reservedColumns.includes(name)
  for (const name of names) if (isUsable(name)) taken.add(name)
  return names.map((name) => {
    if (isUsable(name)) return name
    let length = 8
    let candidate = hashed(name, length)
    while (taken.has(candidate) && length < 40) candidate = hashed(name, (length += 8))
    taken.add(candidate)
    return candidate
  })
}

/** A key for an advisory lock, as text of an int8. */
export function lockKey(...facts: readonly (string | null)[]): string {
  return createHash('sha256')
    .update(JSON.stringify(['reactor_connect', ...facts]))
    .digest()
    .readBigInt64BE(0)
    .toString()
}

function isLegal(name: string): boolean {
  return (
    name !== '' &&
    !name.includes('\0') &&
    name.isWellFormed() &&
    Buffer.byteLength(name) <= MAX_BYTES
  )
}

function hashed(name: string, hexDigits: number): string {
  const ending = `_${digest(name, hexDigits)}`
  return cut(name.replaceAll('\0', '').toWellFormed(), MAX_BYTES - ending.length) + ending
}

/** Hash of the UTF-16 code units: lone surrogates count. */
function digest(text: string, hexDigits: number): string {
  return createHash('sha256').update(text, 'utf16le').digest('hex').slice(0, hexDigits)
}

/** At most `bytes` of UTF-8, cut between characters. */
function cut(text: string, bytes: number): string {
  let length = 0
  let result = ''
  for (const character of text) {
    length += Buffer.byteLength(character)
    if (length > bytes) break
    result += character
  }
  return result
}
