import { stringifyExact } from '../../protocol/exact-json.ts'
import type { JsonValue } from '../../protocol/index.ts'
import { get, isDict } from '../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'

/**
 * A state that plain JSON values cannot represent (an integer beyond 2^53, `1.0`) is stored as text under
 * this name.
 */
const EXACT = '__reactor_exact_json'

/** A stream's state as plain JSON, which the engine stores. */
export function stateToJson(state: Dict): JsonValue {
  const text = stringifyExact(toRecordValue(state))
  const plain = JSON.parse(text) as JsonValue
  return JSON.stringify(plain) === text ? plain : { [EXACT]: text }
}

/** The state that was passed to `stateToJson`. */
export function stateFromJson(state: JsonValue): Value {
  const value = parseJson(JSON.stringify(state))
  const text = isDict(value) ? get(value, EXACT) : undefined
  return typeof text === 'string' ? parseJson(text) : value
}
