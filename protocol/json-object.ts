import { z } from 'zod'
import type { JsonObject, JsonValue } from './json.ts'

/** Any JSON object that was already parsed from JSON: its values are not checked. */
export const jsonObjectSchema: z.ZodType<JsonObject, JsonObject> = z.record(
  z.string(),
  z.custom<JsonValue>(),
)
