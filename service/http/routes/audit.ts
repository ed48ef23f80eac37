import { z } from 'zod'
import type { AuditLog } from '../../access/audit.ts'
import type { App } from '../app.ts'
import { failures } from '../failures.ts'
import { auditEntryDocument, auditEntryToWire, auditQuery, auditFilterOf } from '../wire/audit.ts'
import { pageQuery, pageRequestOf, pageSchema, pageToWire } from '../wire/paging.ts'

export function auditRoutes(api: App, audit: AuditLog): void {
  api.get(
    '/audit',
    {
      config: { action: 'audit:read' },
      schema: {
        tags: ['access'],
        operationId: 'listAuditEntries',
        summary: 'Who changed what, what was refused, and who logged in; the newest first',
        querystring: z.strictObject({ ...pageQuery, ...auditQuery }),
        response: {
          200: pageSchema(auditEntryDocument).meta({ id: 'AuditPage' }),
          ...failures('cursor_invalid'),
        },
      },
    },
    async ({ query }, reply) => {
      const page = { ...pageRequestOf(query), ...auditFilterOf(query) }
      return reply.send(pageToWire(await audit.list(page), auditEntryToWire))
    },
  )
}
