import { z } from 'zod'
import { actionDescriptorSchema } from '../../connectors/descriptor-schema.ts'
import { freeObject, freeValue, timestamp } from '../platform/fields.ts'
import { idempotencyHeaders } from '../platform/http/idempotency.ts'
import { dryRunField } from '../platform/http/requested-resource.ts'
import { idempotencyScopes } from './invoke-choices.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

export const actionName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]{0,99}$/,
    'is no name of an action: `reactor connect actions list` shows them',
  )
  .meta({ description: 'The name of an action, as `GET /instances/{name}/actions` lists it.' })

export const actionListSchema = z
  .object({ items: z.array(actionDescriptorSchema), nextCursor: z.null() })
  .meta({ id: 'ActionList' })
export const actionListDocument = snakeCaseSchema(actionListSchema)
export const actionDocument = snakeCaseSchema(actionDescriptorSchema)

export const standardTimeoutSeconds = 30

export const invokeHeaders = idempotencyHeaders.extend({
  'idempotency-scope': z.enum(idempotencyScopes).optional().meta({
    description:
      'Whose the Idempotency-Key is. `caller` (default): the same key of another API key or user is another call. `instance`: it is the same call, no matter which key sends it, so that an API key can be rotated between two tries.',
  }),
})

export const invokeInput = z
  .strictObject({
    input: freeObject.meta({ description: 'As the schema of the action says.' }),
    dry_run: dryRunField.optional().meta({
      description:
        'Shows what would be sent. `synthesized` sends nothing. `native` carries it out in the vendor’s test mode, and needs credentials of that. `true` is `synthesized` for agents and for actions that need a confirmation; otherwise it is `native` if the credentials are of a test mode.',
    }),
    token: z.string().max(500).optional().meta({
      description:
        'Of a dry-run: the call does what it showed. An agent needs it to change something.',
    }),
    timeout_seconds: z
      .int()
      .min(1)
      .max(100)
      .optional()
      .meta({
        description: `How long the vendor may take for each request; default ${String(standardTimeoutSeconds)}.`,
      }),
  })
  .meta({ id: 'InvokeInput' })

const shownRequest = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  body: freeValue.exactOptional().meta({
    description: 'JSON as it is, a form as its text, bytes by their length and hash.',
  }),
})

/** The result of a dry-run. */
export const dryRunSchema = z
  .object({
    action: z.string(),
    dryRun: z.enum(['native', 'synthesized']),
    effect: actionDescriptorSchema.shape.effect,
    requiresConfirmation: actionDescriptorSchema.shape.requiresConfirmation,
    credentials: z.enum(['ready', 'missing', 'reauthorize']),
    request: shownRequest.meta({ description: 'The first request, without its secrets.' }),
    output: freeValue.exactOptional().meta({
      description: 'Of a native dry-run: what the test mode of the vendor responded.',
    }),
    vendorRequestId: z.string().nullable(),
    token: z.string().meta({ description: 'Good for one invocation with the same input.' }),
    expiresAt: timestamp,
  })
  .meta({ id: 'DryRun' })
export type DryRun = Resource<typeof dryRunSchema>

export const invocationSchema = z
  .object({
    action: z.string(),
    output: freeValue,
    vendorRequestId: z.string().nullable().meta({
      description: 'By which the vendor finds the request in its logs.',
    }),
  })
  .meta({ id: 'Invocation' })
export type Invocation = Resource<typeof invocationSchema>

/** A dry-run has `dry_run`, an invocation has not. */
export const invokeDocument = z.union([
  snakeCaseSchema(dryRunSchema),
  snakeCaseSchema(invocationSchema),
])
