import { z } from 'zod'
import type { JsonValue } from '../../protocol/index.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'

/** Names of instances and connections. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,63}$/, 'must be letters, digits, `-` and `_`, at most 63')
  .meta({ description: 'Letters, digits, `-` and `_`; at most 63.' })

/** The description of a resource, written by its user. */
export const description = z
  .string()
  .max(2_000)
  .regex(
    /^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$/,
    'must not have control characters other than line breaks',
  )
  .nullable()
  .exactOptional()
  .meta({ description: 'Its purpose, in your words; at most 2,000 characters.' })

export const timestamp = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC.' })

const timeProblem =
  'must be a time with its zone, such as 2026-11-28T12:00:00Z or 2026-11-28T13:00:00+01:00'

/** A time in a request; any time zone. */
export const givenTime = z.iso
  .datetime({ offset: true, error: timeProblem, abort: true })
  .refine((text) => !Number.isNaN(Date.parse(text)), timeProblem)

/** An object that belongs to the user, a connector or Airbyte: passed on unchanged. */
export const freeObject = jsonObjectSchema

/** The same of any kind: text, number, list, null. */
export const freeValue: z.ZodType<JsonValue, JsonValue> = z.custom<JsonValue>()

/** A text for which TypeScript has a more precise type than the document. */
export function textOf<Text extends string>(): z.ZodType<Text, Text> {
  return z.custom<Text>((value) => typeof value === 'string').meta({ type: 'string' })
}

/** The version of a stored resource, which is also its ETag. */
export const versioned = {
  version: z.int(),
  createdAt: timestamp,
  updatedAt: timestamp,
}
