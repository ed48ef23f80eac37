import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { PostgresType } from '../../../protocol/index.ts'

/** The type that a column of a PostgreSQL source has at the destination. */
export interface SourceType {
  /** As SQL, for any search path. */
  readonly sql: string
  /** As `format_type` writes it on the pinned search path. */
  readonly formatted: string
}

/** Types that the grammar knows: their names mean the catalog's on every search path. */
const keywords =
  /^(?:boolean|smallint|integer|bigint|real|double precision|numeric|character|bit|time|timestamp|interval)\b/

/** For a type that every server has. */
export function builtInType({ name, array }: PostgresType): SourceType {
  const sql = keywords.test(name) ? name : `pg_catalog.${name}`
  return arrayOf({ sql, formatted: name }, array)
}

/**
 * For a type with a schema: an enum, or one of an extension. `formatted`: the type as the server writes it,
 * without a modifier.
 */
export function namedType(
  { array, modifier = '' }: PostgresType,
  {
    schema,
    name,
    formatted,
  }: { readonly schema: string; readonly name: string; readonly formatted: string },
): SourceType {
  const sql = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}${modifier}`
  return arrayOf({ sql, formatted: `${formatted}${modifier}` }, array)
}

function arrayOf(type: SourceType, array: true | undefined): SourceType {
  if (array !== true) return type
  return { sql: `${type.sql}[]`, formatted: `${type.formatted}[]` }
}

interface ParsedType {
  readonly name: string
  readonly limits: readonly number[]
  readonly isArray: boolean
}

function parse(formatted: string): ParsedType {
  const isArray = formatted.endsWith('[]')
  const plain = isArray ? formatted.slice(0, -2) : formatted
  const match = /^([^(]*)\((\d+)(?:,(-?\d+))?\)(.*)$/.exec(plain)
  if (match === null) return { name: plain, limits: [], isArray }
  const [, name = '', first, second, rest = ''] = match
  return {
    name: `${name}${rest}`,
    limits: [first, second].flatMap((limit) => (limit === undefined ? [] : [Number(limit)])),
    isArray,
  }
}

/** Decimal digits of the largest value. */
const integers: ReadonlyMap<string, number> = new Map([
  ['smallint', 5],
  ['integer', 10],
  ['bigint', 19],
])

/**
 * True if a column of the type `to` holds every value of the type `from` as it is: the types are equal, or
 * `to` is the wider one of a list. Both are as the server writes them.
 */
export function holdsAll(to: string, from: string): boolean {
  if (to === from) return true
  const [wide, narrow] = [parse(to), parse(from)]
  if (wide.isArray !== narrow.isArray) return false
  return widenings.some((widens) => widens(wide, narrow))
}

type Widening = (wide: ParsedType, narrow: ParsedType) => boolean

const texts = ['text', 'character varying']
/** Types whose only limit is a precision or a length. Without it, they have the largest one. */
const limited = new Set([
  ...['character varying', 'bit varying', 'interval'],
  ...['timestamp without time zone', 'timestamp with time zone'],
  ...['time without time zone', 'time with time zone'],
])
const pairs: readonly (readonly [wide: string, narrow: string])[] = [
  ['real', 'smallint'],
  ['double precision', 'smallint'],
  ['double precision', 'integer'],
  ['double precision', 'real'],
  ['inet', 'cidr'],
]

const widenings: readonly Widening[] = [
  (wide, narrow) => {
    const [most, digits] = [integers.get(wide.name), integers.get(narrow.name)]
    return most !== undefined && digits !== undefined && most >= digits
  },
  (wide, narrow) => wide.name === 'numeric' && isWiderNumber(wide, narrow),
  (wide, narrow) =>
    wide.name === narrow.name && limited.has(wide.name) && limitOf(wide) >= limitOf(narrow),
  (wide, narrow) =>
    texts.includes(wide.name) && wide.limits.length === 0 && texts.includes(narrow.name),
  (wide, narrow) =>
    wide.name === 'bit varying' &&
    narrow.name === 'bit' &&
    limitOf(wide) >= (narrow.limits[0] ?? 1),
  (wide, narrow) => pairs.some(([to, from]) => wide.name === to && narrow.name === from),
]

function limitOf({ limits: [limit = Infinity] }: ParsedType): number {
  return limit
}

function isWiderNumber({ limits }: ParsedType, narrow: ParsedType): boolean {
  const digits = integers.get(narrow.name)
  if (narrow.name !== 'numeric' && digits === undefined) return false
  const [precision, scale = 0] = limits
  if (precision === undefined) return true
  const [itsPrecision = digits, itsScale = 0] = narrow.limits
  if (itsPrecision === undefined) return false
  return scale >= itsScale && precision - scale >= itsPrecision - itsScale
}
