import { z } from 'zod'
import type { AuditLog } from '../platform/audit/contract.ts'
import type { App } from '../platform/http/app.ts'
import { failures } from '../platform/http/failures.ts'
import { auditEntryDocument, auditEntrySchema, auditQuery } from '../platform/audit/schema.ts'
import { pageQuery, pageSchema, pageToWire } from '../platform/lists.ts'

export function auditRoutes(api: App, audit: AuditLog): void {
  api.get(
    '/audit',
    {
      config: { action: 'audit:read' },
      schema: {
        tags: ['access'],
        operationId: 'listAuditEntries',
        summary: 'List changes, refused requests and logins, newest first',
        querystring: z.strictObject({ ...pageQuery, ...auditQuery }),
        response: {
          200: pageSchema(auditEntryDocument).meta({ id: 'AuditPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query }, reply) => reply.send(pageToWire(auditEntrySchema, await audit.list(query))),
  )
}
