import { createHash } from 'node:crypto'
import { ConnectError, type JsonValue, type RecordData } from '../../../protocol/index.ts'
import { getShared } from '../../../sinks/two-way/lens.ts'
import type { Values } from '../../../sinks/two-way/link.ts'
import type { ObjectField, ObjectShape } from './object-shape.ts'
import { toSharedText } from './shared-value.ts'

/**
 * The shared values of a record; undefined if it is out of scope, or has a value that nothing stands for.
 * Throws `pair_stream_invalid` if the user no longer sees a field of it.
 */
export function sharedValues(shape: ObjectShape, record: RecordData): Values | undefined {
  if (shape.constants.some((field) => textIn(shape, record, field) !== field.value))
    return undefined
  const values: Record<string, JsonValue> = {}
  for (const [shared, field] of shape.fields) {
    const own = textIn(shape, record, field)
    const value = field.lens === undefined ? own : getShared(field.lens, own)
    if (value === undefined) return undefined
    values[shared] = value
  }
  return values
}

/** A hidden field is not an empty one. */
export function textIn(shape: ObjectShape, record: RecordData, field: ObjectField): string | null {
  const { name, kind } = field
  const value = record[name]
  if (value !== undefined) return toSharedText(kind, value)
  throw new ConnectError('pair_stream_invalid', {
    details: {
      stream: shape.stream,
      problem: `the user no longer sees field ${name} of ${shape.object.name}`,
      fix: `Let the user see ${name} again, or leave it out of the stream. Nothing was emptied.`,
    },
  })
}

/** The same for equal values, from whatever request they came. */
export function hashOfRecord(values: Values): string {
  const text = JSON.stringify(Object.values(values))
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

/** Whether the record counts as deleted, and when that was. */
export function deletionIn(
  shape: ObjectShape,
  record: RecordData,
): { readonly deletedAtMs: number | null } | undefined {
  if (shape.deleted === undefined) return undefined
  const text = textIn(shape, record, shape.deleted)
  if (text === null || text === 'false') return undefined
  return { deletedAtMs: shape.deleted.kind === 'time' ? timeOf(text) : null }
}

export function timeOf(text: string | null): number | null {
  const timeMs = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(timeMs) ? null : timeMs
}
