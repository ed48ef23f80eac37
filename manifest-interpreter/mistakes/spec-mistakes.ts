import { ConfigError } from '../config/config-error.ts'
import { violationText } from '../config/json-schema/violation.ts'
import { violations } from '../config/json-schema/violations.ts'
import { schemaOfSchemas } from '../config/json-schema/schema-of-schemas.ts'
import { compileRegex } from '../jinja/python-regex.ts'
import { entries, isDict } from '../value/dict.ts'
import { PythonError } from '../value/python-error.ts'
import { str } from '../value/text.ts'
import type { Value } from '../value/value.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import type { StreamMistake } from './stream-mistakes.ts'

const place = 'spec.connection_specification'

/**
 * The mistakes in the JSON schema of the configuration: airbyte-cdk refuses it as soon as a command has a
 * configuration.
 */
export function specMistakes({
  connectionSpecification: schema,
}: Manifest): readonly StreamMistake[] {
  return [...invalidKeywords(schema), ...wrongPatterns(schema, place)]
}

function invalidKeywords(schema: Value): readonly StreamMistake[] {
  try {
    return violations(schemaOfSchemas, schema).map((violation) => ({
      severity: 'warning',
      path: [place, ...violation.path.map(str)].join('.'),
      message: `The schema of the configuration is not a valid JSON schema, and airbyte-cdk refuses it: ${violationText({ ...violation, path: [] })}. Correct it.`,
    }))
  } catch (error) {
    // A schema that nests too deeply is used all the same.
    if (error instanceof ConfigError) return []
    throw error
  }
}

function wrongPatterns(schema: Value, path: string): readonly StreamMistake[] {
  if (Array.isArray(schema))
    return schema.flatMap((item, index) => wrongPatterns(item, `${path}[${index}]`))
  if (!isDict(schema)) return []
  return entries(schema).flatMap(([name, value]) => {
    const inner = `${path}.${str(name)}`
    const problem =
      name === 'pattern' && typeof value === 'string' ? patternProblem(value) : undefined
    if (problem === undefined) return wrongPatterns(value, inner)
    const message = `The pattern cannot be used: ${problem} Correct it.`
    return [{ severity: 'error', path: inner, message }]
  })
}

function patternProblem(pattern: string): string | undefined {
  try {
    compileRegex(pattern)
    return undefined
  } catch (error) {
    if (error instanceof PythonError) return error.message
    throw error
  }
}
