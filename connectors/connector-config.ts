import { z } from 'zod'
import { ConnectError } from '../protocol/index.ts'
import { jsonObjectSchema } from '../protocol/json-object.ts'
import type { JsonObject } from '../protocol/index.ts'
import type { Connector } from './connector.ts'

/** The JSON Schema (draft 7) of a connector's configuration, as catalogs and Airbyte's `spec` show it. */
export function specOf(schema: z.ZodType): JsonObject {
  return jsonObjectSchema.parse(z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }))
}

/**
 * The configuration as the connector uses it, with defaults; throws `source_config_invalid`, which names
 * every bad field, but never its value.
 */
export function parseConfig<T>(connector: string, schema: z.ZodType<T>, config: JsonObject): T {
  const parsed = schema.safeParse(config)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(problemOf).join('; ')
  throw new ConnectError('source_config_invalid', { details: { connector, problems } })
}

/**
 * The same connector; it refuses a configuration that its specification does not accept, before anything is
 * sent.
 */
export function withCheckedConfig(connector: Connector): Connector {
  const { type, spec } = connector.descriptor
  const schema = z.fromJSONSchema(spec)
  const verify = (config: JsonObject): Promise<unknown> =>
    Promise.resolve(config).then((given) => parseConfig(type, schema, given))
  return {
    ...connector,
    check: async (config, context) => {
      try {
        await verify(config)
      } catch (error) {
        const { message, suggestedFix } = ConnectError.from(error)
        return { status: 'FAILED', message: `${message}. ${suggestedFix}` }
      }
      return connector.check(config, context)
    },
    discover: (config, context) => verify(config).then(() => connector.discover(config, context)),
    openRead: (config, context, streams) =>
      verify(config).then(() => connector.openRead(config, context, streams)),
  }
}

function problemOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const where = issue.path.length === 0 ? '' : ` in \`${issue.path.join('.')}\``
    const keys = issue.keys.map((key) => `\`${key}\``).join(', ')
    return `${keys}${where} is not an option of this connector; remove it or correct its spelling`
  }
  return `\`${issue.path.join('.')}\`: ${issue.message}`
}
