import type { z } from 'zod'
import { streamLabel } from '../../protocol/index.ts'
import type { ChangeDocument } from '../../service/drift/change-document.ts'
import { connectionDocument } from '../../service/http/wire/connection.ts'
import { apiPath } from '../client/api-path.ts'
import type { Around } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { moment } from '../output/moment.ts'
import { table } from '../output/table.ts'

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
  const rows = drift.changes.flatMap((change) =>
    changeRows(change).map((row) => [labelOf(change), ...row]),
  )
  const left = drift.total - drift.changes.length
  return [
    table(rows, { header: ['STREAM', 'CHANGE', 'WHAT', 'TYPE'], columns }),
    left > 0 ? `and ${String(left)} more streams\n` : '',
    `${drift.status}, seen by ${drift.run} ${moment(drift.detected_at)}\n`,
    `approve: reactor connect connections approve ${name} --fingerprint ${drift.fingerprint}\n`,
  ].join('')
}

function labelOf({ name, namespace }: ChangeDocument): string {
  return streamLabel(namespace === null ? { name } : { name, namespace })
}

function changeRows(change: ChangeDocument): readonly (readonly string[])[] {
  const { primary_key: key, cursor, sync_modes: modes } = change
  return [
    ...(change.change === 'changed' ? [] : [[`stream ${change.change}`, '', '']]),
    ...change.added_columns.map(({ name, type }) => ['column added', name, type]),
    ...change.removed_columns.map(({ name, type }) => ['column removed', name, type]),
    ...change.type_changes.map(({ name, from, to }) => ['type changed', name, `${from} -> ${to}`]),
    ...(key === null
      ? []
      : [['primary key', `${pathsText(key.from)} -> ${pathsText(key.to)}`, '']]),
    ...(cursor === null
      ? []
      : [['cursor', `${cursorText(cursor.from)} -> ${cursorText(cursor.to)}`, '']]),
    ...(modes === null
      ? []
      : [['sync modes', `${modes.from.join(', ')} -> ${modes.to.join(', ')}`, '']]),
  ]
}

function pathsText(paths: readonly (readonly string[])[]): string {
  return paths.length === 0 ? 'none' : `(${paths.map((path) => path.join('.')).join(', ')})`
}

type CursorDocument = NonNullable<ChangeDocument['cursor']>['from']

function cursorText({ field, source_defined: sourceDefined }: CursorDocument): string {
  const text = field.length === 0 ? 'none' : field.join('.')
  return sourceDefined ? `${text} (the source's own)` : text
}
