import type { z } from 'zod'
import { auditEntryDocument, type AuditFilter } from '../../service/platform/audit/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines } from '../output/list-lines.ts'
import { counted } from '../run/amounts.ts'

export interface AuditFlags extends AuditFilter {
  readonly limit: number
}

export async function listAudit(
  { client, output }: CommandContext,
  flags: AuditFlags,
): Promise<number> {
  const { principal, action, resource, name, outcome, since, until, limit } = flags
  const listed = await listPages(client, {
    path: apiPath('audit'),
    item: auditEntryDocument,
    query: { principal, action, resource, name, outcome, since, until },
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['AT', 'WHO', 'ACTION', 'ON', 'OUTCOME', 'ERROR', 'ID', 'DETAILS'],
      rows: listed.documents.map((entry) => [
        formatTime(entry.at),
        whoText(entry.principal),
        entry.action,
        entry.name ?? '',
        entry.outcome,
        entry.error ?? '',
        entry.principal?.id ?? '',
        detailsText(entry.details),
      ]),
      columns: output.columns,
      dispensable: ['ID', 'DETAILS', 'ERROR'],
      empty: {
        ...{
          what: 'entries',
          filters: { principal, action, resource, name, outcome, since, until },
        },
        next: 'reactor connect instances create NAME --type TYPE',
        all: 'reactor connect audit',
      },
    }),
  )
  return exitCodes.complete
}

type AuditEntryDocument = z.output<typeof auditEntryDocument>

function whoText(principal: AuditEntryDocument['principal']): string {
  if (principal === null) return ''
  const { name, kind } = principal
  return kind === 'nobody' ? name : `${name} (${kind})`
}

function detailsText(details: AuditEntryDocument['details']): string {
  const { sandbox, run, invoked, attempts } = details ?? {}
  const { dry_run: isDryRun, vendor_request_id: vendorRequestId } = details ?? {}
  return [
    ...(invoked === undefined ? [] : [isDryRun === true ? `${invoked} (dry-run)` : invoked]),
    ...(vendorRequestId === undefined ? [] : [vendorRequestId]),
    ...(sandbox === undefined ? [] : [`sandbox ${sandbox}`]),
    ...(run === undefined ? [] : [`run ${run}`]),
    ...(attempts === undefined ? [] : [counted(attempts, 'attempt')]),
  ].join(', ')
}
