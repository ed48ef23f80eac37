import type { z } from 'zod'
import type { ChangeDocument } from '../../service/schema-changes/schema.ts'
import { connectionDocument } from '../../service/connections/schema.ts'
import { runDocument } from '../../service/runs/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { counted } from '../run/amounts.ts'
import { changeTable } from './change-table.ts'

type DriftDocument = NonNullable<z.output<typeof connectionDocument>['drift']>

export async function showDrift({ client, output }: CommandContext, name: string): Promise<number> {
  const { document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name) },
    connectionDocument,
  )
  const { drift, last_run: last } = document
  const followed = drift === null && last !== null ? await changesOf(client, name, last.id) : []
  await showResult(output, drift, () =>
    drift === null
      ? noDriftText(name, followed, output.columns)
      : driftText(name, drift, output.columns),
  )
  return exitCodes.complete
}

async function changesOf(
  client: CommandContext['client'],
  name: string,
  run: string,
): Promise<readonly ChangeDocument[]> {
  const path = apiPath('connections', name, 'runs', run)
  const { document } = await client.ask({ method: 'GET', path }, runDocument)
  return document.schema_changes
}

function noDriftText(
  name: string,
  followed: readonly ChangeDocument[],
  columns: number | undefined,
): string {
  return followed.length === 0
    ? `${name}: the last run found the approved schema\n`
    : `${name}: the last run followed the source:\n${changeTable(followed, columns)}`
}

export async function approveSchema(
  { client, output }: CommandContext,
  name: string,
  { fingerprint }: { readonly fingerprint: string },
): Promise<number> {
  const { json } = await client.ask(
    { method: 'POST', path: apiPath('connections', name, 'approve'), body: { fingerprint } },
    connectionDocument,
  )
  await showResult(
    output,
    json,
    () =>
      `${name}: approved; the next run uses it\nnext: reactor connect connections runs start ${name} --wait\n`,
  )
  return exitCodes.complete
}

function driftText(name: string, drift: DriftDocument, columns: number | undefined): string {
  const left = drift.total - drift.changes.length
  return [
    changeTable(drift.changes, columns),
    left > 0 ? `and ${counted(left, 'more stream')}\n` : '',
    `${drift.status}, seen by ${drift.run} ${formatTime(drift.detected_at)}\n`,
    `approve: reactor connect connections approve ${name} --fingerprint ${drift.fingerprint}\n`,
  ].join('')
}
