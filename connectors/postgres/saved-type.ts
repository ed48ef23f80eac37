/**
 * The name of a type as PostgreSQL writes it: `numeric(10,2)`, `timestamp(3) without time zone`, `text
 * COLLATE "C"`.
 */
interface NamedType {
  readonly name: string
  readonly limits: readonly number[]
  readonly collation: string
}

/** A type, and the earlier type with which a value was saved as text. */
interface TypeChange {
  readonly before: NamedType
  readonly after: NamedType
  readonly value: string
}

/**
 * True if the text of a saved value means the same value in the type that its column has now, with the same
 * place in the order. Such changes, and no others: an integer type to another one that holds the value, or to
 * numeric; numeric to a scale that is not smaller; varchar and text to each other; another length of varchar
 * or char; a time to a precision that is not smaller; date to timestamp without time zone. Collations are the
 * same. After any other change, values may stand on the other side of the saved one than before.
 */
export function keepsItsPlace(value: string, before: string, after: string): boolean {
  if (before === after) return true
  const change = { before: named(before), after: named(after), value }
  if (change.before.collation !== change.after.collation) return false
  return harmless.some((isHarmless) => isHarmless(change))
}

function named(type: string): NamedType {
  const [, name = '', limits = '', zone = '', collation = ''] =
    /^(.*?)(?:\(([\d,-]+)\))?( with(?:out)? time zone)?( COLLATE .+)?$/s.exec(type) ?? []
  return {
    name: `${name}${zone}`,
    limits: limits === '' ? [] : limits.split(',').map(Number),
    collation,
  }
}

/** By bits. */
const integers: ReadonlyMap<string, number> = new Map([
  ['smallint', 16],
  ['integer', 32],
  ['bigint', 64],
])
const texts = new Set(['text', 'character varying'])
const times = new Set(
  ['time', 'timestamp'].flatMap((name) => [`${name} with time zone`, `${name} without time zone`]),
)
/** Digits after the second, if a type names none. */
const finestPrecision = 6

const harmless: readonly ((change: TypeChange) => boolean)[] = [
  ({ before, after, value }) => {
    const bits = integers.get(after.name)
    if (!integers.has(before.name) || bits === undefined) return false
    return BigInt.asIntN(bits, BigInt(value)) === BigInt(value)
  },
  ({ before, after }) =>
    integers.has(before.name) && after.name === 'numeric' && scaleOf(after) >= 0,
  ({ before, after }) =>
    before.name === 'numeric' && after.name === 'numeric' && scaleOf(after) >= scaleOf(before),
  ({ before, after }) => texts.has(before.name) && texts.has(after.name),
  ({ before, after }) => before.name === 'character' && after.name === 'character',
  ({ before, after }) =>
    times.has(before.name) &&
    before.name === after.name &&
    precisionOf(after) >= precisionOf(before),
  ({ before, after }) => before.name === 'date' && after.name === 'timestamp without time zone',
]

/** Digits after the point: without limits, as many as a value has. */
function scaleOf({ limits }: NamedType): number {
  return limits.length === 0 ? Infinity : (limits[1] ?? 0)
}

function precisionOf({ limits: [precision = finestPrecision] }: NamedType): number {
  return precision
}
