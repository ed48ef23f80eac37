import { z } from 'zod'
import { streamLabel, type JsonObject } from '../../protocol/index.ts'
import type { SchemaChange, SourceCursor } from '../contract/schema-drift.ts'

const column = z.object({ name: z.string(), type: z.string() })
const paths = z.array(z.array(z.string()))
const cursor = z.object({ field: z.array(z.string()), source_defined: z.boolean() })
const syncModes = z.array(z.enum(['full_refresh', 'incremental']))

/** A change as HTTP, the log of a run and the details of an error have it. */
export const schemaChangeDocument = z
  .object({
    name: z.string(),
    namespace: z.string().nullable(),
    change: z.enum(['added', 'removed', 'changed']),
    added_columns: z.array(column),
    removed_columns: z.array(column),
    type_changes: z.array(z.object({ name: z.string(), from: z.string(), to: z.string() })),
    primary_key: z
      .object({ from: paths, to: paths })
      .nullable()
      .meta({ description: 'Paths of the key’s fields; null where it stayed.' }),
    cursor: z.object({ from: cursor, to: cursor }).nullable(),
    sync_modes: z.object({ from: syncModes, to: syncModes }).nullable(),
    columns_left: z.int().meta({
      description: 'How many columns are left off the lists, which have 100 each at most.',
    }),
  })
  .meta({ id: 'SchemaChange' })
export type ChangeDocument = z.infer<typeof schemaChangeDocument>

export function changeDocument(change: SchemaChange): ChangeDocument {
  const { primaryKey, cursor: moved, syncModes: modes } = change
  return {
    name: change.name,
    namespace: change.namespace,
    change: change.change,
    added_columns: [...change.addedColumns],
    removed_columns: [...change.removedColumns],
    type_changes: [...change.typeChanges],
    primary_key: primaryKey && { from: pathsOf(primaryKey.from), to: pathsOf(primaryKey.to) },
    cursor: moved && { from: cursorDocument(moved.from), to: cursorDocument(moved.to) },
    sync_modes: modes && { from: [...modes.from], to: [...modes.to] },
    columns_left: change.columnsLeft,
  }
}

/** The stream and what changed of it, without what did not: for a line of the log. */
export function changeFacts(change: SchemaChange): JsonObject {
  const { name, namespace, ...facts } = changeDocument(change)
  const told = Object.entries(facts).filter(
    ([, value]) => value !== null && value !== 0 && !(Array.isArray(value) && value.length === 0),
  )
  const stream = streamLabel({ name, namespace })
  return { stream, ...Object.fromEntries(told) }
}

/** `public.orders: +note, -phone, total integer -> string`; of many changes the first few. */
export function changeSummary(changes: readonly SchemaChange[], total: number): string {
  const shown = changes.slice(0, 3).map(oneSummary)
  const left = total - shown.length
  const more = left > 0 ? [`and ${String(left)} more ${left === 1 ? 'stream' : 'streams'}`] : []
  return [...shown, ...more].join('; ')
}

function oneSummary(change: SchemaChange): string {
  const stream = streamLabel(change)
  if (change.change !== 'changed') return `${stream} was ${change.change}`
  const parts = [
    ...change.addedColumns.map(({ name: added }) => `+${added}`),
    ...change.removedColumns.map(({ name: removed }) => `-${removed}`),
    ...change.typeChanges.map(({ name: other, from, to }) => `${other} ${from} -> ${to}`),
    ...(change.primaryKey === null ? [] : ['another primary key']),
    ...(change.cursor === null ? [] : ['another cursor']),
    ...(change.syncModes === null ? [] : ['other sync modes']),
  ]
  const left = Math.max(0, parts.length - 6) + change.columnsLeft
  const more = left > 0 ? `, and ${String(left)} more` : ''
  return `${stream}: ${parts.slice(0, 6).join(', ')}${more}`
}

function pathsOf(given: readonly (readonly string[])[]): string[][] {
  return given.map((path) => [...path])
}

function cursorDocument({ field, sourceDefined }: SourceCursor): z.infer<typeof cursor> {
  return { field: [...field], source_defined: sourceDefined }
}
