import { z } from 'zod'
import { ConnectError } from '../protocol/index.ts'
import type { JsonObject } from '../protocol/index.ts'

/** The JSON Schema (draft 7) of a connector's configuration, as catalogs and Airbyte's `spec` show it. */
export function specOf(schema: z.ZodType): JsonObject {
  return jsonObject.parse(z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }))
}

/**
 * The configuration as the connector uses it, with defaults; throws `source_config_invalid`, which names every bad field, but never its
 * value.
 */
export function parseConfig<T>(connector: string, schema: z.ZodType<T>, config: JsonObject): T {
  const parsed = schema.safeParse(config)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(problemOf).join('; ')
  throw new ConnectError('source_config_invalid', { details: { connector, problems } })
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const where = issue.path.length === 0 ? '' : ` in \`${issue.path.join('.')}\``
    const keys = issue.keys.map((key) => `\`${key}\``).join(', ')
    return `${keys}${where} is not an option of this connector; remove it or correct its spelling`
  }
  return `\`${issue.path.join('.')}\`: ${issue.message}`
}

const jsonObject = z.record(z.string(), z.json())
