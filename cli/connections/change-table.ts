import { streamLabel } from '../../protocol/index.ts'
import type { ChangeDocument } from '../../service/schema-changes/schema.ts'
import { table } from '../output/table.ts'
import { counted } from '../run/amounts.ts'

/** How the schema of a source differs from what was approved, a line for each difference. */
export function changeTable(
  changes: readonly ChangeDocument[],
  columns: number | undefined,
): string {
  const rows = changes.flatMap((change) =>
    changeRows(change).map((row) => [streamLabel(change), ...row]),
  )
  return table(rows, { header: ['STREAM', 'CHANGE', 'WHAT', 'TYPE'], columns })
}

/** The rows of a change: its kind, its place and its type. */
export function changeRows(change: ChangeDocument): readonly (readonly string[])[] {
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
    ...(change.columns_left > 0 ? [['and more', counted(change.columns_left, 'column'), '']] : []),
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
