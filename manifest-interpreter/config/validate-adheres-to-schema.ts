import { field } from '../definition.ts'
import { isDict } from '../value/dict.ts'
import { JsonError } from '../value/exact-json-parser.ts'
import { parseJson } from '../value/json.ts'
import type { PlainDict, Value } from '../value/value.ts'
import { ConfigError } from './config-error.ts'
import { bestMatch } from './json-schema/best-match.ts'
import { violationText } from './json-schema/violation.ts'
import { violations } from './json-schema/violations.ts'

/** Validates values against a JSON schema. A text is read as JSON first. */
export function validateAdheresToSchema(definition: PlainDict): (value: Value) => void {
  const schema = field(definition, 'base_schema') ?? null
  if (!isDict(schema)) {
    throw new ConfigError('The base_schema of ValidateAdheresToSchema must be an object.')
  }
  return (value) => {
    const instance = typeof value === 'string' ? readJson(value) : value
    const worst = bestMatch(violations(schema, instance))
    if (worst !== undefined)
      throw new ConfigError(`JSON schema validation error: ${violationText(worst)}`)
  }
}

function readJson(text: string): Value {
  try {
    return parseJson(text)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw new ConfigError('The text is not JSON.', { cause: error })
  }
}
