import { isDict } from '../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import { toRecordValue } from '../../manifest-interpreter/value/record-value.ts'
import type { Dict } from '../../manifest-interpreter/value/value.ts'
import type { JsonObject } from '../../protocol/index.ts'

export function plainConfig(config: Dict): JsonObject {
  return JSON.parse(JSON.stringify(toRecordValue(config))) as JsonObject
}

/** The numbers of a configuration as templates see them. */
export function configOf(config: JsonObject): Dict {
  const value = parseJson(JSON.stringify(config))
  return isDict(value) ? value : {}
}
