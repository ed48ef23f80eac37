import { streamLabel, type JsonObject } from '../../protocol/index.ts'
import { toWire } from '../platform/wire.ts'
import { schemaChangeSchema, type ChangeDocument, type SchemaChange } from './schema.ts'

/** A change as it is in HTTP, the log of a run and the details of an error. */
export function changeDocument(change: SchemaChange): ChangeDocument {
  return toWire(schemaChangeSchema, change)
}

/** The stream and its changes, without the parts that did not change: for a line of the log. */
export function changeFacts(change: SchemaChange): JsonObject {
  const { name, namespace, ...facts } = changeDocument(change)
  const shownFacts = Object.entries(facts).filter(
    ([, value]) => value !== null && value !== 0 && !(Array.isArray(value) && value.length === 0),
  )
  const stream = streamLabel({ name, namespace })
  return { stream, ...Object.fromEntries(shownFacts) }
}

/** `public.orders: +note, -phone, total integer -> string`; only the first few of many changes. */
export function changeSummary(changes: readonly SchemaChange[], total: number): string {
  const shown = changes.slice(0, 3).map(summarizeChange)
  const left = total - shown.length
  const more = left > 0 ? [`and ${String(left)} more ${left === 1 ? 'stream' : 'streams'}`] : []
  return [...shown, ...more].join('; ')
}

function summarizeChange(change: SchemaChange): string {
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
