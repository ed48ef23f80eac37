import { z } from 'zod'

/** Names of instances and connections. */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,63}$/, 'must be letters, digits, `-` and `_`, at most 63')
  .meta({ description: 'Letters, digits, `-` and `_`; at most 63.' })

export const runId = z
  .string()
  .regex(
    /^run_[0-9A-HJKMNP-TV-Z]{26}$/,
    'is no id of a run: `reactor connect connections runs list NAME` shows them',
  )
  .meta({ description: 'A ULID with the prefix `run_`.' })

export const timestamp = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC.' })

/** A time that somebody gives; any zone. */
export const givenTime = z.iso
  .datetime({ offset: true })
  .refine((text) => !Number.isNaN(Date.parse(text)), 'is no time')

/** An object that belongs to the user, a connector or Airbyte: passed on as it is, never looked into. */
export const freeObject = z.record(z.string(), z.unknown())

/** The version that a kept thing has: also its ETag. */
export const versioned = {
  version: z.int(),
  created_at: timestamp,
  updated_at: timestamp,
}
