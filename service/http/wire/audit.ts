import { z } from 'zod'
import { auditOutcomes, type AuditEntry, type AuditFilter } from '../../access/audit.ts'
import { principalKinds } from '../../access/principal.ts'
import { givenTime, timestamp } from './names.ts'

const short = z.string().regex(/^[\x20-\x7e]{1,300}$/, 'must be 1 to 300 characters of ASCII')

export const auditQuery = {
  principal: short.optional().meta({ description: 'Id of who did it.' }),
  action: short.optional().meta({ description: 'Such as `connections:create`.' }),
  resource: short.optional().meta({ description: 'The first part of actions: `connections`.' }),
  name: short
    .optional()
    .meta({ description: 'Of the instance, the connection; id of the key, e-mail of the user.' }),
  outcome: z.enum(auditOutcomes).optional(),
  since: givenTime.optional().meta({ description: 'From this time on, ISO 8601.' }),
  until: givenTime.optional().meta({ description: 'Before this time.' }),
}

export function auditFilterOf(query: {
  readonly [Key in keyof AuditFilter]?: AuditFilter[Key] | undefined
}): AuditFilter {
  const { principal, action, resource, name, outcome, since, until } = query
  return {
    ...(principal !== undefined && { principal }),
    ...(action !== undefined && { action }),
    ...(resource !== undefined && { resource }),
    ...(name !== undefined && { name }),
    ...(outcome !== undefined && { outcome }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  }
}

export const auditEntryDocument = z
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
          'Of a login the user that has the e-mail, and `nobody` if nobody has. null: a browser that came back from an authorization.',
      }),
    action: z.string(),
    resource: z.string(),
    name: z.string().nullable(),
    request: z.string().meta({ description: 'Method and path.' }),
    request_id: z.string(),
    address: z.string().meta({
      description: '`several` if the entry stands for failed logins from several addresses.',
    }),
    outcome: z.enum(auditOutcomes).meta({
      description:
        'begun: it goes on, or the process died at it, and whether it happened is not known. replayed: done before under the same `Idempotency-Key`.',
    }),
    status: z.int().nullable(),
    error: z.string().nullable().meta({ description: 'Code of the error.' }),
    details: z
      .object({
        sandbox: z.string().optional().meta({ description: 'That was run or promoted.' }),
        run: z.string().optional().meta({ description: 'That was started.' }),
        attempts: z
          .int()
          .optional()
          .meta({ description: 'How many failed logins the entry stands for.' }),
      })
      .nullable(),
  })
  .meta({ id: 'AuditEntry' })

export function auditEntryToWire(entry: AuditEntry): z.output<typeof auditEntryDocument> {
  const { requestId, principal, details, ...same } = entry
  return {
    ...same,
    principal: principal === null ? null : { ...principal },
    request_id: requestId,
    details: details === null ? null : { ...details },
  }
}
