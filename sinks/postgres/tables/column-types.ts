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

/** What a column of a table can hold, whoever made it. `uuid` and `other` (an enum): types that we send text to and never change. */
export type HeldType = OwnType | 'smallint' | 'integer' | 'float' | 'json' | 'uuid' | 'other'

/** A column as it is in the database. */
export interface ActualType {
  readonly held: HeldType
  /** It has a length, precision or scale, and would refuse or round values of its type. */
  readonly limited: boolean
}

/** A column of a table, with the schema of the operators that compare its values. */
export interface HeldColumn extends ActualType {
  readonly operators: string
  /** The type as the server writes it, such as `numeric(38,9)`; in what was read from it. */
  readonly formatted?: string
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
  date: 'date',
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  'time with time zone': 'timetz',
  'time without time zone': 'time',
  bytea: 'bytea',
  jsonb: 'jsonb',
  json: 'json',
  uuid: 'uuid',
}

/** `character` is one character; `real` has the half of a double's digits. */
const narrowTypes: readonly string[] = ['character', 'real']

/** Reads what Postgres' `format_type` gives, such as `numeric(38,9)` or `timestamp(3) with time zone`. */
export function actualTypeOf(formatted: string): ActualType {
  // Of a type that is not the catalog's the schema is written too.
  const base = formatted.replace(/\([^)]*\)/, '').replace(/^.*\.citext$/, 'citext')
  const held = heldTypes[base] ?? 'other'
  const limited = base !== formatted || narrowTypes.includes(base)
  return { held, limited: limited && held !== 'other' }
}

const holdsAll: readonly HeldType[] = ['jsonb', 'json', 'uuid', 'other']

/** What else than its own type a column holds without a change of value. */
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
 * The type that an existing column must become to hold values of the declared kind too; undefined if it stays.
 * A column only ever gets wider. A user's own choice of a type that we do not know stays, and takes what casts to it.
 */
export function widenedType(actual: ActualType, kind: ColumnKind): OwnType | undefined {
  const { held, limited } = actual
  const declared = columnTypeOf(kind)
  if (holdsAll.includes(held)) return undefined
  if (declared === 'jsonb') return 'jsonb'
  if (kind === 'double' && holdsDoubles(actual)) return undefined
  const isHeld = held === 'text' || held === declared || alsoHolds[held]?.includes(declared)
  if (isHeld === true) return limited && isOwn(held) ? held : undefined
  return joined[`${held} ${declared}`] ?? 'text'
}

function holdsDoubles({ held, limited }: ActualType): boolean {
  return held === 'float' && !limited
}

/** The expression that converts the (quoted) column to its wider type. No value changes. */
export function conversion(column: string, from: HeldType, to: OwnType): string {
  if (to === 'jsonb') return `pg_catalog.to_jsonb(${column})`
  if (from === 'date' && to === 'timestamptz')
    return `${column}::${catalogType('timestamp')} AT TIME ZONE 'UTC'`
  // The cast itself keeps 6 digits of a real and 15 of a double; its text has all.
  if (from === 'float' && to === 'numeric')
    return `${column}::${catalogType('text')}::${catalogType('numeric')}`
  return `${column}::${catalogType(to)}`
}

function isOwn(held: HeldType): held is OwnType {
  return Object.values(typeOfKind).some((type) => type === held)
}
