import { field } from '../../definition.ts'
import { isDict, isPlainDict } from '../../value/dict.ts'
import { isFloat, isInt, numeric } from '../../value/number.ts'
import { PythonError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { typeName } from '../../value/type-name.ts'
import { float, int, type PlainDict, type Value } from '../../value/value.ts'
import { parseFloatText, parseInteger, trim } from '../transformations/python-int.ts'

/** Casts a value. A value that cannot be cast stays as it is. */
export type Cast = (value: Value) => Value

/** The cast to the type of a property's schema: none if it allows several types, besides null. */
export function castTo(schema: Value): Cast {
  if (!isDict(schema)) return noSchema(schema)
  if (!isPlainDict(schema)) return unchanged
  const type = field(schema, 'type') ?? []
  if (typeof type === 'string') return keepingNull(type.includes('null'), castByName(type, schema))
  if (!Array.isArray(type)) return unchanged
  const others = type.filter((name) => name !== 'null')
  const [only] = others
  if (others.length !== 1 || typeof only !== 'string') return unchanged
  return keepingNull(others.length < type.length, castByName(only, schema))
}

const unchanged: Cast = (value) => value

function keepingNull(isNullable: boolean, cast: Cast): Cast {
  if (!isNullable || cast === unchanged) return cast
  return (value) => (value === null ? null : cast(value))
}

function noSchema(schema: Value): Cast {
  return () => {
    throw new PythonError(
      'AttributeError',
      `The schema of a property is ${typeName(schema)}, which schema_normalization cannot use. Make it an object.`,
    )
  }
}

function castByName(type: string, schema: PlainDict): Cast {
  switch (type) {
    case 'string':
      return toText
    case 'number':
      return toFloat
    case 'integer':
      return toInt
    case 'boolean':
      return toBool
    case 'array':
      return toList(schema)
    default:
      return unchanged
  }
}

function toText(value: Value): Value {
  try {
    return str(value)
  } catch (error) {
    if (error instanceof PythonError && error.kind === 'ValueError') return value
    throw error
  }
}

function toFloat(value: Value): Value {
  if (typeof value === 'string') {
    const parsed = parseFloatText(value)
    return parsed === undefined ? value : float(parsed)
  }
  const size = isFloat(value) ? undefined : numeric(value)
  if (size === undefined) return value
  const converted = Number(size)
  if (!Number.isFinite(converted)) throw overflow('int too large to convert to float')
  return float(converted)
}

function toInt(value: Value): Value {
  if (typeof value === 'string') return parseInteger(value) ?? value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (!isFloat(value)) return value
  const size = Number(numeric(value))
  if (Number.isNaN(size)) return value
  if (!Number.isFinite(size)) throw overflow('cannot convert float infinity to integer')
  return int(BigInt(Math.trunc(size)))
}

function overflow(message: string): PythonError {
  return new PythonError('OverflowError', message)
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['y', 'yes', 't', 'true', 'on', '1'].map((text) => [text, true] as const),
  ...['n', 'no', 'f', 'false', 'off', '0'].map((text) => [text, false] as const),
])

function toBool(value: Value): Value {
  if (typeof value !== 'string') return truth(value)
  return truths.get(trim(value.toLowerCase())) ?? value
}

const simpleTypes: ReadonlySet<Value> = new Set<Value>([
  'string',
  'number',
  'integer',
  'boolean',
  'null',
])

/**
 * A simple value becomes a list with this value, if the items may be of any of several simple types, or of
 * any type.
 */
function toList(schema: PlainDict): Cast {
  const items = field(schema, 'items')
  if (items !== undefined && !isDict(items)) return noSchema(items)
  const named = items !== undefined && isPlainDict(items) ? field(items, 'type') : undefined
  const type = named === undefined ? [] : named
  // The reference treats a type that is a single text as a list of letters, none of which is a type.
  const wraps = Array.isArray(type) && type.every((name) => simpleTypes.has(name))
  return (value) => (wraps && isSimple(value) ? [value] : value)
}

function isSimple(value: Value): boolean {
  return value === null || typeof value !== 'object' || isInt(value) || isFloat(value)
}
