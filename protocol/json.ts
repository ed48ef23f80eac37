/**
 * A number with its exact digits, where a JS number would round it: made by
 * `JSON.rawJSON('0.1000000000000000055')`.
 */
export interface RawJson {
  readonly rawJSON: string
}

/** Plain JSON, as catalogs, configurations and states use it. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject
/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/** For values that were parsed from JSON; anything else that is not a list counts as an object too. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `Array.isArray` does not know readonly lists. */
export function isJsonList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** The own property: a name such as `constructor` finds nothing that is not there. */
export function own<Value>(
  object: Readonly<Record<string, Value>>,
  name: string,
): Value | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** The value at the end of a path of names and indexes; undefined if it leads to nothing. */
export function valueAt(root: JsonValue, path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>((value, name) => {
    if (isJsonList(value)) return value[Number(name)]
    return isJsonObject(value) ? own(value, name) : undefined
  }, root)
}

/**
 * A value of a record: JSON whose numbers survive. A bigint is an integer beyond 2^53, a RawJson a decimal
 * beyond double precision; NaN and ±Infinity are allowed in a `double` or `number` column; bytes are a
 * Uint8Array or base64.
 */
export type RecordValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | RawJson
  | Uint8Array
  | readonly RecordValue[]
  | { readonly [key: string]: RecordValue | undefined }

/** The `data` of a record. A property that is undefined or absent is missing, which is not null. */
export type RecordData = Readonly<Record<string, RecordValue | undefined>>
