import { streamKey, type AirbyteCatalog, type AirbyteStream } from '../../protocol/index.ts'
import type { FromTo, SchemaChange, SchemaColumn } from './schema.ts'
import { shapeOf, type StreamShape } from './catalog-shape.ts'

/**
 * How the present streams differ from the approved ones, in the order of the approved ones, new ones last.
 * Pure: the caller decides which streams count.
 */
export function schemaChanges(
  approved: AirbyteCatalog,
  seen: AirbyteCatalog,
): readonly SchemaChange[] {
  const before = byKey(approved)
  const now = byKey(seen)
  const changedOrRemoved = [...before].flatMap(([key, stream]) => {
    const other = now.get(key)
    return other === undefined ? describeRemoved(stream) : compareStreams(stream, other)
  })
  const added = [...now].flatMap(([key, stream]) => (before.has(key) ? [] : addedStream(stream)))
  return [...changedOrRemoved, ...added]
}

/** The first changes with the first columns of each: a source may have any number of both. */
export function firstChanges(
  changes: readonly SchemaChange[],
  most: { readonly changes: number; readonly columns: number },
): readonly SchemaChange[] {
  return changes.slice(0, most.changes).map((change) => {
    const { addedColumns, removedColumns, typeChanges, columnsLeft } = change
    const sizes = [addedColumns, removedColumns, typeChanges].map(({ length }) => length)
    const left = sizes.reduce((sum, size) => sum + Math.max(0, size - most.columns), columnsLeft)
    return {
      ...change,
      addedColumns: addedColumns.slice(0, most.columns),
      removedColumns: removedColumns.slice(0, most.columns),
      typeChanges: typeChanges.slice(0, most.columns),
      columnsLeft: left,
    }
  })
}

function byKey({ streams }: AirbyteCatalog): ReadonlyMap<string, AirbyteStream> {
  return new Map(streams.map((stream) => [streamKey(stream), stream]))
}

const unchanged = {
  addedColumns: [],
  removedColumns: [],
  typeChanges: [],
  primaryKey: null,
  cursor: null,
  syncModes: null,
  columnsLeft: 0,
} as const

function addedStream(stream: AirbyteStream): SchemaChange {
  return { ...idOf(stream), ...unchanged, change: 'added', addedColumns: columnsIn(stream) }
}

function describeRemoved(stream: AirbyteStream): SchemaChange {
  return { ...idOf(stream), ...unchanged, change: 'removed', removedColumns: columnsIn(stream) }
}

function compareStreams(before: AirbyteStream, now: AirbyteStream): readonly SchemaChange[] {
  const from = shapeOf(before)
  const to = shapeOf(now)
  const change: SchemaChange = {
    ...idOf(before),
    change: 'changed',
    ...columnChanges(from, to),
    primaryKey: fromTo(from.primaryKey, to.primaryKey),
    cursor: fromTo(from.cursor, to.cursor),
    syncModes: fromTo(from.syncModes, to.syncModes),
    columnsLeft: 0,
  }
  return isNothing(change) ? [] : [change]
}

function columnChanges(
  from: StreamShape,
  to: StreamShape,
): Pick<SchemaChange, 'addedColumns' | 'removedColumns' | 'typeChanges'> {
  const before = new Map(from.columns.map(({ name, kind }) => [name, kind]))
  const now = new Map(to.columns.map(({ name, kind }) => [name, kind]))
  return {
    addedColumns: columnList(to.columns.filter(({ name }) => !before.has(name))),
    removedColumns: columnList(from.columns.filter(({ name }) => !now.has(name))),
    typeChanges: from.columns.flatMap(({ name, kind }) => {
      const other = now.get(name)
      return other === undefined || other === kind ? [] : [{ name, from: kind, to: other }]
    }),
  }
}

function isNothing(change: SchemaChange): boolean {
  const { addedColumns, removedColumns, typeChanges, primaryKey, cursor, syncModes } = change
  const lists = [addedColumns, removedColumns, typeChanges]
  return lists.every(({ length }) => length === 0) && !(primaryKey ?? cursor ?? syncModes)
}

function fromTo<Value>(from: Value, to: Value): FromTo<Value> | null {
  return JSON.stringify(from) === JSON.stringify(to) ? null : { from, to }
}

function columnsIn(stream: AirbyteStream): readonly SchemaColumn[] {
  return columnList(shapeOf(stream).columns)
}

function columnList(columns: StreamShape['columns']): readonly SchemaColumn[] {
  return columns.map(({ name, kind }) => ({ name, type: kind }))
}

function idOf({ name, namespace }: AirbyteStream): Pick<SchemaChange, 'name' | 'namespace'> {
  return { name, namespace: namespace ?? null }
}
