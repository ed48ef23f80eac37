import { z } from 'zod'
import type { Resource } from '../wire.ts'

/** When a run should start. */
export const scheduleSchema = z
  .strictObject({
    cron: z
      .string()
      .min(1)
      .max(200)
      .meta({ description: 'Five fields.', examples: ['*/15 * * * *'] }),
    timezone: z
      .string()
      .min(1)
      .max(64)
      .exactOptional()
      .meta({ description: 'IANA name; default UTC.' }),
    catchUp: z.enum(['once', 'skip']).exactOptional().meta({
      description: 'What to do about scheduled times that the service missed; default skip.',
    }),
  })
  .meta({ id: 'Schedule' })
export type Schedule = Resource<typeof scheduleSchema>
