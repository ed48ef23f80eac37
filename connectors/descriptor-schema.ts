import { z } from 'zod'
import type { ReadOnly } from '../lib/types/read-only.ts'
import { jsonObjectSchema } from '../protocol/json-object.ts'

/** The public facts of streams and actions: the catalog, OpenAPI and typed clients are made from them. */
export const streamDescriptorSchema = z.object({
  name: z.string(),
  namespace: z.string().nullable(),
  schema: jsonObjectSchema.nullable().meta({
    description: 'JSON Schema of a record; null if only a discovery finds it.',
  }),
  primaryKey: z.array(z.string()).meta({
    description: 'Names, or paths with dots. Empty if there is none.',
  }),
  cursorField: z.string().nullable(),
  syncModes: z.array(z.enum(['full_refresh', 'incremental'])),
  isResumable: z.boolean().meta({
    description: 'Whether a read that was cut off goes on from its last state.',
  }),
  writeOperations: z.array(z.enum(['create', 'update', 'upsert', 'delete'])).meta({
    description: 'What can be written to it.',
  }),
  unsupported: z.string().nullable().meta({
    description: 'Why it cannot be read; null if it can.',
  }),
})
export type StreamDescriptor = ReadOnly<z.output<typeof streamDescriptorSchema>>

export const actionDescriptorSchema = z
  .object({
    name: z.string(),
    title: z.string(),
    input: jsonObjectSchema.meta({ description: 'JSON Schema of the input.' }),
    output: jsonObjectSchema.meta({
      description: 'JSON Schema of the output. The vendor may send more fields than it names.',
    }),
    effect: z.enum(['read', 'create', 'update', 'delete']),
    requiresConfirmation: z.boolean().meta({
      description:
        'Whether a person should be asked first: money moves, or something is lost for good.',
    }),
    idempotency: z.enum(['native_key', 'natural', 'none']).meta({
      description:
        'native_key: the vendor does a call with the same key once. natural: a repeated call changes nothing more. none: a repeated call may do it twice, or be refused because it is done.',
    }),
    dryRun: z.enum(['native', 'synthesized', 'unsupported']).meta({
      description:
        'native: in the test mode of the vendor, with credentials of a test mode. synthesized: shows the exact request. unsupported: there is none.',
    }),
  })
  .meta({ id: 'Action' })
export type ActionDescriptor = ReadOnly<z.output<typeof actionDescriptorSchema>>
export type ActionEffect = ActionDescriptor['effect']
export type DryRunLevel = ActionDescriptor['dryRun']
