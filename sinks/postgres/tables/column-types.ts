import type { ColumnKind } from '../../../protocol/index.ts'

/** The column types that we make. */
export type OwnType =
  | 'boolean'
  | 'bigint'
  | 'numeric'
  | 'text'
  | 'date'
  | 'timestamptz'
  | 'timestamp'
  | 'timetz'
  | 'time'
  | 'bytea'
  | 'jsonb'

/** The types that a column can change to: our types, or the same type without its precision. */
export type WideType = OwnType | 'interval'

/**
 * Types that only a user chooses; we send text to them. `network`: inet, cidr, macaddr. `other`: arrays,
 * composites, ranges, types of extensions.
 */
type ChosenType = 'uuid' | 'enum' | 'network' | 'interval' | 'money' | 'oid' | 'other'

/**
 * The types that a column can hold, also in a table that somebody else made. A domain holds the values of its
 * base type.
 */
export type HeldType = OwnType | 'smallint' | 'integer' | 'float' | 'json' | ChosenType

/** A column as it is in the database. */
export interface ActualType {
  readonly held: HeldType
  /** It has a length, precision or scale, and would refuse, round or cut values of its type. */
  readonly limited: boolean
  /** A domain with a CHECK or a default, which another type would lose: the column keeps its type. */
  readonly isPinned?: boolean
}

/** A column of a table, with the schema of the operators that compare its values. */
export interface HeldColumn extends ActualType {
  readonly operators: string
  /** The type as the server writes it, such as `numeric(38,9)`; in what was read from it. */
  readonly formatted?: string
  /** Its table and its type in the catalog, if it was read from there. */
  readonly oids?: { readonly table: string; readonly type: number }
}

const typeOfKind: Readonly<Record<ColumnKind, OwnType>> = {
  boolean: 'boolean',
  integer: 'bigint',
  number: 'numeric',
  double: 'numeric',
  string: 'text',
  date: 'date',
  timestamptz: 'timestamptz',
  timestamp: 'timestamp',
  timetz: 'timetz',
  time: 'time',
  bytes: 'bytea',
  json: 'jsonb',
}

/** Own types as Postgres writes them, if that is another name. */
const writtenTypes: Readonly<Record<string, string>> = {
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  timetz: 'time with time zone',
  time: 'time without time zone',
}

/** The name that Postgres' `format_type` gives for a type that we make. */
export function writtenType(type: string): string {
  return writtenTypes[type] ?? type
}

const catalogNames: Readonly<Record<string, string>> = { boolean: 'bool', bigint: 'int8' }

/** A type as SQL that means the catalog's on every search path. */
export function catalogType(type: string): string {
  return `pg_catalog.${catalogNames[type] ?? type}`
}

/** The type of a new column. */
export function columnTypeOf(kind: ColumnKind): OwnType {
  return typeOfKind[kind]
}

const heldTypes: Readonly<Record<string, HeldType>> = {
  boolean: 'boolean',
  smallint: 'smallint',
  integer: 'integer',
  bigint: 'bigint',
  numeric: 'numeric',
  real: 'float',
  'double precision': 'float',
  text: 'text',
  'character varying': 'text',
  character: 'text',
  citext: 'text',
  name: 'text',
  '"char"': 'text',
  date: 'date',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  'time with time zone': 'timetz',
  'time without time zone': 'time',
  bytea: 'bytea',
  jsonb: 'jsonb',
  json: 'json',
  uuid: 'uuid',
  inet: 'network',
  cidr: 'network',
  macaddr: 'network',
  macaddr8: 'network',
  interval: 'interval',
  money: 'money',
  oid: 'oid',
}

/**
 * `character` is one character, `"char"` one byte, `name` 63 bytes; `real` has the half of a double's digits.
 */
const narrowTypes: readonly string[] = ['character', '"char"', 'name', 'real']

/** Reads what Postgres' `format_type` gives, such as `numeric(38,9)` or `timestamp(3) with time zone`. */
export function actualTypeOf(formatted: string): ActualType {
  // A type outside the catalog is written with its schema.
  const base = formatted
    .replace(/\([^)]*\)/, '')
    .replace(/^.*\.citext$/, 'citext')
    .replace(/^interval(?: [a-z]+)+$/, 'interval')
  const held = heldTypes[base] ?? 'other'
  const limited = base !== formatted || narrowTypes.includes(base)
  return { held, limited: limited && held !== 'other' }
}

/** The other types whose values a column holds without changing them. */
const alsoHolds: Readonly<Partial<Record<HeldType, readonly OwnType[]>>> = {
  numeric: ['bigint'],
  timestamp: ['date'],
  timestamptz: ['date'],
}

/** The narrowest type that holds both, if it is not text. */
const joined: Readonly<Record<string, OwnType>> = {
  'smallint bigint': 'bigint',
  'smallint numeric': 'numeric',
  'integer bigint': 'bigint',
  'integer numeric': 'numeric',
  'bigint numeric': 'numeric',
  'float bigint': 'numeric',
  'float numeric': 'numeric',
  'date timestamp': 'timestamp',
  'date timestamptz': 'timestamptz',
}

/**
 * The type that an existing column must become so that values of the declared kind arrive in it as they came,
 * or not at all; undefined if it stays. A column only ever gets wider. In a key nothing may be written
 * otherwise than it came: two keys could become one.
 */
export function widenedType(
  actual: ActualType,
  kind: ColumnKind,
  isKey = false,
): WideType | undefined {
  const { held } = actual
  if (held === 'json') return undefined
  return isChosen(held) ? leftType({ ...actual, held }, kind, isKey) : widenedOwnType(actual, kind)
}

/**
 * The same for a table that was made with the source's types, if the source's type is another one now: no
 * column has a type that a user chose, and none of its values may get lost.
 */
export function widenedSourceType(actual: ActualType, kind: ColumnKind): WideType | undefined {
  const { held } = actual
  if (held === 'json') return undefined
  if (!isChosen(held)) return widenedOwnType(actual, kind)
  const declared = columnTypeOf(kind)
  if (declared === 'jsonb') return 'jsonb'
  return held === 'money' || held === 'oid' ? numberType(held, declared) : 'text'
}

/** The same for a type that the program may have chosen. */
export function widenedOwnType(actual: ActualType, kind: ColumnKind): OwnType | undefined {
  const { held, limited } = actual
  const declared = columnTypeOf(kind)
  if (held === 'jsonb') return undefined
  if (declared === 'jsonb') return 'jsonb'
  if (kind === 'double' && holdsDoubles(actual)) return undefined
  const isHeld = held === 'text' || held === declared || alsoHolds[held]?.includes(declared)
  if (isHeld === true) return limited && isOwn(held) ? held : undefined
  return joined[`${held} ${declared}`] ?? 'text'
}

const chosenTypes: readonly HeldType[] = [
  'uuid',
  'enum',
  'network',
  'interval',
  'money',
  'oid',
  'other',
] satisfies readonly ChosenType[]

export function isChosen(held: HeldType): held is ChosenType {
  return chosenTypes.includes(held)
}

/**
 * The type that a user's own type must change to. A text may be one of the values of the user's type, which
 * refuses all others; a value of another kind never is.
 */
function leftType(
  { held, limited }: ActualType & { readonly held: ChosenType },
  kind: ColumnKind,
  isKey: boolean,
): WideType | undefined {
  const declared = columnTypeOf(kind)
  if (declared === 'jsonb') return 'jsonb'
  if (held === 'enum') return undefined
  if (held === 'money' || held === 'oid') return numberType(held, declared)
  return declared === 'text' ? textType(held, limited, isKey) : 'text'
}

function numberType(held: 'money' | 'oid', declared: OwnType): OwnType {
  if (declared === 'numeric') return 'numeric'
  if (declared !== 'bigint') return 'text'
  return held === 'oid' ? 'bigint' : 'numeric'
}

function textType(held: ChosenType, limited: boolean, isKey: boolean): WideType | undefined {
  // When a sync begins, it reports different texts that these types treat as one value (usable-key.ts).
  if (held === 'uuid' || held === 'network') return undefined
  if (isKey) return 'text'
  if (!limited) return undefined
  return held === 'interval' ? 'interval' : 'text'
}

const wholeNumbers: readonly HeldType[] = ['smallint', 'integer', 'bigint']
const numberKinds: readonly ColumnKind[] = ['integer', 'number', 'double']

/**
 * Whether a column that keeps its type refuses each value that it cannot hold unchanged. Such a value becomes
 * NULL and is reported.
 */
export function refusesOthers({ held, limited }: ActualType, kind: ColumnKind): boolean {
  if (held === 'text') return !limited
  return wholeNumbers.includes(held) && numberKinds.includes(kind)
}

function holdsDoubles({ held, limited }: ActualType): boolean {
  return held === 'float' && !limited
}

/** The expression that converts the (quoted) column to its wider type. No value changes. */
export function conversion(column: string, from: HeldType, to: WideType): string {
  if (to === 'jsonb') return `pg_catalog.to_jsonb(${column})`
  if (from === 'date' && to === 'timestamptz')
    return `${column}::${catalogType('timestamp')} AT TIME ZONE 'UTC'`
  // The cast itself keeps 6 digits of a real and 15 of a double; its text has all.
  if (from === 'float' && to === 'numeric')
    return `${column}::${catalogType('text')}::${catalogType('numeric')}`
  // The amount as the source writes it, whatever lc_monetary says.
  if (from === 'money' && to === 'text')
    return `${column}::${catalogType('numeric')}::${catalogType('text')}`
  if (from === 'oid' && to === 'numeric')
    return `${column}::${catalogType('bigint')}::${catalogType('numeric')}`
  // The cast itself writes the mask of a single address too.
  if (from === 'network' && to === 'text')
    return `pg_catalog.to_jsonb(${column}) OPERATOR(pg_catalog.#>>) '{}'`
  return `${column}::${catalogType(to)}`
}

function isOwn(held: HeldType): held is OwnType {
  return Object.values(typeOfKind).some((type) => type === held)
}
