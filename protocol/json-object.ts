import { z } from 'zod'
import type { JsonObject, JsonValue } from './json.ts'

/** Any JSON object, of what was parsed from JSON already: its values are not looked at. */
export const jsonObjectSchema: z.ZodType<JsonObject, JsonObject> = z.record(
  z.string(),
  z.custom<JsonValue>(),
)
