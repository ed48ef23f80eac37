import type { ColumnKind } from '../../protocol/index.ts'

const types: Readonly<Record<ColumnKind, string>> = {
  boolean: 'boolean',
  integer: 'bigint',
  number: 'numeric',
  // A numeric holds every double by its shortest digits, NaN and the infinities; an integer column widens to it.
  double: 'numeric',
  string: 'text',
  date: 'date',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  timetz: 'time with time zone',
  time: 'time without time zone',
  bytes: 'bytea',
  json: 'jsonb',
}
const heldKinds = [
  'boolean',
  'integer',
  'string',
  'date',
  'timestamptz',
  'timestamp',
  'timetz',
  'time',
  'bytes',
  'json',
] as const

/** The column type of a kind, as `format_type` spells it. */
export function typeOf(kind: ColumnKind): string {
  return types[kind]
}

/** What a column of this type (as `format_type` spells it) holds; undefined for types that this sink does not make. */
export function kindHeldBy(type: string): ColumnKind | undefined {
  if (type === 'character varying') return 'string'
  if (type === 'numeric' || type === 'double precision') return 'number'
  return heldKinds.find((kind) => types[kind] === type)
}

/** Kinds whose column also takes values of these other kinds as they are. */
const takes: Readonly<Partial<Record<ColumnKind, readonly ColumnKind[]>>> = {
  number: ['integer', 'double', 'number'],
  double: ['integer', 'double', 'number'],
  timestamp: ['date'],
  timestamptz: ['date', 'timestamp'],
}

export type ColumnChange =
  /** The column takes the values as it is. */
  | { readonly change: 'none' }
  /** ALTER TYPE … USING `using(quoted column)`. */
  | { readonly change: 'widen'; readonly type: string; using(column: string): string }

/**
 * How an existing column comes to take values of a kind, without losing what it has: it stays when it is as wide or wider,
 * widens along integer -> numeric, date -> timestamp -> timestamptz, and becomes text (jsonb for JSON) where nothing else fits.
 */
export function columnChange(existingType: string, kind: ColumnKind): ColumnChange {
  const holds = kindHeldBy(existingType)
  const isEnough =
    holds !== undefined &&
    (holds === kind ||
      holds === 'string' ||
      holds === 'json' ||
      takes[holds]?.includes(kind) === true)
  if (isEnough) return { change: 'none' }
  if (kind === 'json')
    return { change: 'widen', type: 'jsonb', using: (column) => `to_jsonb(${column})` }
  if (holds !== undefined && takes[kind]?.includes(holds) === true) return castTo(typeOf(kind))
  if (!isNumber(kind)) return castTo('text')
  // Types that only a user's own table has: numbers of less range or precision.
  if (/^(?:integer|smallint)$/.test(existingType)) return castTo(typeOf(kind))
  return castTo(/^(?:real|numeric\(.*)$/.test(existingType) ? 'numeric' : 'text')
}

function isNumber(kind: ColumnKind): boolean {
  return kind === 'integer' || kind === 'number' || kind === 'double'
}

function castTo(type: string): ColumnChange {
  return { change: 'widen', type, using: (column) => `${column}::${type}` }
}
