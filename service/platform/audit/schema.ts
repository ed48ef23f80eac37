import { z } from 'zod'
import { principalKinds } from '../access/principal.ts'
import { givenTime, timestamp } from '../fields.ts'
import { snakeCaseSchema, type Resource } from '../wire.ts'

/**
 * The outcome. begun: in progress, or the process died; whether it happened is not known, as with `unknown`.
 * failed: it did not happen. replayed: it was done before, with the same `Idempotency-Key`, and nothing
 * happened now.
 */
export const auditOutcomes = ['begun', 'done', 'failed', 'denied', 'replayed', 'unknown'] as const
export type AuditOutcome = (typeof auditOutcomes)[number]

/**
 * An audit entry: a principal did something to a resource, or tried to. It never contains a body, a secret or
 * a token.
 */
export const auditEntrySchema = z
  .object({
    id: z.string(),
    at: timestamp,
    principal: z
      .object({
        id: z.string(),
        kind: z.enum([...principalKinds, 'nobody']),
        name: z.string(),
        via: z.enum(['api_key', 'jwt', 'password']),
      })
      .nullable()
      .meta({
        description:
          'For a login, the user with the e-mail, or `nobody` if there is none. null: a browser that came back from an authorization.',
      }),
    action: z.string(),
    resource: z.string(),
    name: z.string().nullable(),
    request: z.string().meta({ description: 'Method and path.' }),
    requestId: z.string(),
    address: z.string().meta({
      description: '`several` if the entry counts failed logins from several addresses.',
    }),
    outcome: z.enum(auditOutcomes).meta({
      description:
        'begun: it goes on, or the process died at it, and whether it happened is not known. unknown: no usable response came, and whether it happened is not known. replayed: done before under the same `Idempotency-Key`.',
    }),
    status: z.int().nullable(),
    error: z.string().nullable().meta({ description: 'Code of the error.' }),
    details: z
      .object({
        sandbox: z
          .string()
          .exactOptional()
          .meta({ description: 'The sandbox that was run or promoted.' }),
        run: z.string().exactOptional().meta({ description: 'The run that was started.' }),
        invoked: z.string().exactOptional().meta({ description: 'The action of the connector.' }),
        effect: z.string().exactOptional().meta({ description: 'Of that action.' }),
        dryRun: z.boolean().exactOptional().meta({ description: 'True if it was only shown.' }),
        inputHash: z.string().exactOptional().meta({
          description: 'Keyed hash of the input: equal inputs have equal hashes.',
        }),
        vendorRequestId: z.string().exactOptional().meta({
          description: 'By which the vendor finds the request in its logs.',
        }),
        attempts: z
          .int()
          .exactOptional()
          .meta({ description: 'How many failed logins the entry counts.' }),
      })
      .nullable(),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = Resource<typeof auditEntrySchema>
export type AuditDetails = NonNullable<AuditEntry['details']>
/**
 * The principal. For a login: the user with the given e-mail, whether or not the password was right; `nobody`
 * if there is none.
 */
export type AuditPrincipal = NonNullable<AuditEntry['principal']>
export const auditEntryDocument = snakeCaseSchema(auditEntrySchema)

export interface AuditFilter {
  /** Id of the principal. */
  readonly principal?: string
  readonly action?: string
  readonly resource?: string
  readonly name?: string
  readonly outcome?: AuditOutcome
  /** ISO 8601, inclusive. */
  readonly since?: string
  /** ISO 8601, exclusive. */
  readonly until?: string
}

const short = z.string().regex(/^[\x20-\x7e]{1,300}$/, 'must be 1 to 300 characters of ASCII')

export const auditQuery = {
  principal: short.exactOptional().meta({ description: 'Id of the principal.' }),
  action: short.exactOptional().meta({ description: 'Such as `connections:create`.' }),
  resource: short
    .exactOptional()
    .meta({ description: 'The first part of actions: `connections`.' }),
  name: short.exactOptional().meta({
    description: 'Name of the instance or connection, id of the key, or e-mail of the user.',
  }),
  outcome: z.enum(auditOutcomes).exactOptional(),
  since: givenTime
    .exactOptional()
    .meta({ description: 'From this time on, ISO 8601 with a zone: `2026-11-28T12:00:00Z`.' }),
  until: givenTime.exactOptional().meta({ description: 'Before this time.' }),
}
