import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'

/** How an external connector is started, as `catalog import` stored it: the document process.json. */
export const processDefinition = z.strictObject({
  /** The name in the catalog. */
  name: z.string().min(1),
  title: z.string(),
  /** The program and its arguments, before `read --config …`. */
  command: z.array(z.string()).min(1),
  /** The environment of the process: nothing of ours is passed on. */
  environment: z.record(z.string(), z.string()),
  /** `connectionSpecification` of the connector's `spec`. */
  spec: jsonObjectSchema,
  documentation_url: z.string().optional(),
  /** Where it was installed from: `pypi:airbyte-source-faker`, with its version. */
  origin: z.strictObject({ from: z.string(), version: z.string() }).optional(),
  /** The resident memory of all processes of the connector. */
  max_memory_mb: z.int().min(16),
  /** How long a read may be silent, although we wait for its next message. */
  max_silence_seconds: z.number().positive(),
  /** How long `check` or `discover` may take. */
  max_ask_seconds: z.number().positive(),
})
export type ProcessDefinition = z.infer<typeof processDefinition>

/** Limits of a new import. Airbyte's own platform waits three hours for a message. */
export const standardLimits = {
  max_memory_mb: 2_048,
  max_silence_seconds: 3 * 60 * 60,
  max_ask_seconds: 15 * 60,
} as const

/** Reads process.json. Throws `airbyte_definition_invalid`. */
export function readDefinition(file: string): ProcessDefinition {
  try {
    return processDefinition.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new ConnectError('airbyte_definition_invalid', {
      details: { file, reason },
      cause: error,
    })
  }
}
