import type { AuditFilter } from '../../service/access/audit.ts'
import { auditEntryDocument } from '../../service/http/wire/audit.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { Around } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { moment } from '../output/moment.ts'
import { table } from '../output/table.ts'

export interface AuditFlags extends AuditFilter {
  readonly limit: number
}

export async function listAudit({ client, output }: Around, flags: AuditFlags): Promise<number> {
  const { principal, action, resource, name, outcome, since, until, limit } = flags
  const listed = await listPages(client, {
    path: apiPath('audit'),
    item: auditEntryDocument,
    query: { principal, action, resource, name, outcome, since, until },
    limit,
  })
  await showResult(output, listed.json, () =>
    table(
      listed.documents.map((entry) => [
        moment(entry.at),
        entry.principal === null ? '' : `${entry.principal.name} (${entry.principal.kind})`,
        entry.action,
        entry.name ?? '',
        entry.outcome,
        entry.error ?? '',
        entry.principal?.id ?? '',
      ]),
      {
        header: ['AT', 'WHO', 'ACTION', 'ON', 'OUTCOME', 'ERROR', 'ID'],
        columns: output.columns,
      },
    ),
  )
  return exitCodes.complete
}
