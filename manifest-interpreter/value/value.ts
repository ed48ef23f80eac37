import { rawJson } from '../../protocol/exact-json.ts'
import type { PyDate, PyDateTime, PyTimeDelta } from './py-datetime.ts'

/**
 * The values of the reference, which is Python, as JavaScript values. Read this first.
 *
 * | Python | here |
 * |---|---|
 * | None, True, False, str | null, true, false, string |
 * | int | a number that is a safe integer; beyond 2^53 a bigint |
 * | float | a number that is not an integer (NaN and ±Infinity too); if it is integral (1.0, -0.0, 1e22) a `PyFloat` |
 * | list | an array |
 * | tuple, set, bytes | `PyTuple`, `PySet`, Uint8Array |
 * | dict | a plain object, as JSON.parse makes it; a Map if a key is not text or looks like an array index, since objects reorder those |
 * | datetime, date, timedelta | `PyDateTime`, `PyDate`, `PyTimeDelta` |
 * | functions, views, generators, `Undefined` in a list | `PyObject`: only templates see them, no record holds one |
 *
 * Values are shared, never copied on the way: only a transformation changes a record, and only the record's
 * own objects. Only own properties of plain objects are entries.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyFloat
  | PyTuple
  | PySet
  | PyDateTime
  | PyDate
  | PyTimeDelta
  | PyObject
  | Uint8Array
  | Value[]
  | Dict

/** A dict: see the table above. `dict.ts` has the operations that work on both forms. */
export type Dict = PlainDict | Map<Value, Value>
/** A dict whose keys are all text, none of them like an array index. */
export interface PlainDict {
  [key: string]: Value
}

/** A float with an integral value. Every other float is a JavaScript number. */
export class PyFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }

  /** `1.0` is written as `1.0`. */
  toJSON(): unknown {
    const digits = Object.is(this.value, -0) ? '-0' : String(this.value)
    return rawJson(/[.e]/.test(digits) ? digits : `${digits}.0`)
  }
}

/** A float of Python as a value. */
export function float(value: number): number | PyFloat {
  return Number.isInteger(value) ? new PyFloat(value) : value
}

/** An int of Python as a value. */
export function int(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value
}

export class PyTuple {
  readonly items: readonly Value[]

  constructor(items: readonly Value[]) {
    this.items = items
  }

  toJSON(): unknown {
    return this.items
  }
}

/** Keeps insertion order, unlike Python's set: output that prints a set is not stable there. */
export class PySet {
  readonly items: readonly Value[]

  /** `items` must be distinct by Python's equality. */
  constructor(items: readonly Value[]) {
    this.items = items
  }

  toJSON(): unknown {
    return this.items
  }
}

/**
 * The abilities of an object that is not a plain value. For a missing ability, Python's `object` is the
 * default.
 */
export interface Traits {
  /** The name of its class, for `repr` and for errors. */
  readonly type: string
  /** Set for a subclass of str (marked-up text): the text. */
  readonly text?: string
  readonly repr?: () => string
  readonly truth?: () => boolean
  readonly size?: () => number
  /** A new iteration each time, except of a generator. */
  readonly iterate?: () => Iterator<Value>
  /** `object.name`; undefined if there is no such attribute. */
  readonly attribute?: (name: string) => Value | undefined
  /** `object[key]`; undefined if there is none. */
  readonly entry?: (key: Value) => Value | undefined
  readonly call?: (args: readonly (Value | undefined)[], keywords: Keywords) => Value | undefined
  /** The dict that it behaves as: a mapping that is not a dict. */
  readonly mapping?: () => Dict
  /** The error of a comparison by order, in the place of a TypeError. */
  readonly orderError?: () => Error
}
/** Keyword arguments of a call; undefined if it has none. */
export type Keywords = ReadonlyMap<string, Value | undefined> | undefined

/** An object of Python that has no place in data: see `Traits`. */
export class PyObject {
  readonly traits: Traits

  constructor(traits: Traits) {
    this.traits = traits
  }
}
