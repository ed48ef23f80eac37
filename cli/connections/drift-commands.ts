import type { z } from 'zod'
import { connectionDocument } from '../../service/http/wire/connection.ts'
import { apiPath } from '../client/api-path.ts'
import type { Around } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { moment } from '../output/moment.ts'
import { counted } from '../run/amounts.ts'
import { changeTable } from './change-table.ts'

type DriftDocument = NonNullable<z.output<typeof connectionDocument>['drift']>

export async function showDrift({ client, output }: Around, name: string): Promise<number> {
  const { document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name) },
    connectionDocument,
  )
  const { drift } = document
  await showResult(output, drift, () =>
    drift === null
      ? `${name}: the last run saw what is approved, or followed the source\n`
      : driftText(name, drift, output.columns),
  )
  return exitCodes.complete
}

export async function approveSchema(
  { client, output }: Around,
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
      `${name}: approved; the next run goes by it\nnext: reactor connect connections runs start ${name} --wait\n`,
  )
  return exitCodes.complete
}

function driftText(name: string, drift: DriftDocument, columns: number | undefined): string {
  const left = drift.total - drift.changes.length
  return [
    changeTable(drift.changes, columns),
    left > 0 ? `and ${counted(left, 'more stream')}\n` : '',
    `${drift.status}, seen by ${drift.run} ${moment(drift.detected_at)}\n`,
    `approve: reactor connect connections approve ${name} --fingerprint ${drift.fingerprint}\n`,
  ].join('')
}
