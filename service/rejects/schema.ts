import { z } from 'zod'
import { timestamp } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

export const rejectSchema = z
  .object({
    stream: z.string(),
    namespace: z.string().nullable(),
    key: z.string().meta({
      description: 'The value of the field by which the record is found; of the customer’s data.',
    }),
    operation: z.string(),
    code: z.string().meta({ description: 'The vendor’s code.' }),
    reason: z.string().meta({ description: 'In the vendor’s words.' }),
    fields: z.array(z.string()).meta({ description: 'The fields that it is about.' }),
    mayRetry: z.boolean().meta({
      description: 'True: it may succeed later without a change, as after a lock.',
    }),
    times: z.number().meta({ description: 'How often it was refused.' }),
    firstAt: timestamp,
    lastAt: timestamp,
  })
  .meta({ id: 'RejectedRecord' })
export type Reject = Resource<typeof rejectSchema>
export const rejectDocument = snakeCaseSchema(rejectSchema)

export const rejectsChoiceSchema = z
  .strictObject({
    stream: z.string().min(1).max(1024).exactOptional().meta({
      description: 'Only those of this stream.',
    }),
    keys: z.array(z.string().min(1).max(4096)).min(1).max(10_000).exactOptional().meta({
      description: 'Only these; default: all.',
    }),
  })
  .meta({ id: 'RejectsChoice' })
export type RejectsChoice = Resource<typeof rejectsChoiceSchema>

export const retriedSchema = z
  .object({ tried: z.number(), written: z.number(), rejected: z.number() })
  .meta({ id: 'RetriedRejects' })

export const discardedSchema = z.object({ discarded: z.number() }).meta({ id: 'DiscardedRejects' })
