import { list, optionalComponent, optionalText } from '../../definition.ts'
import { isTime } from '../../datetime/datetime-parser.ts'
import { get, has, isDict, isPlainDict, keys } from '../../value/dict.ts'
import { str } from '../../value/text.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

const perPartitionKeys = new Set<Value>([
  'states',
  'state',
  'use_global_cursor',
  'lookback_window',
  'parent_state',
])

/**
 * True for a state that the cursor of the stream writes itself. It looks at the form only: a value that is a
 * time of the stream may still mean something else in an older version.
 */
export function hasTodaysForm(state: Dict, stream: PlainDict): boolean {
  const cursor = optionalComponent(stream, 'incremental_sync')
  // Without a cursor nothing of the state is read.
  if (cursor === undefined) return true
  const router = get(optionalComponent(stream, 'retriever') ?? {}, 'partition_router') ?? null
  return router === null || (Array.isArray(router) && router.length === 0)
    ? isCursorState(state, cursor)
    : isPerPartitionState(state, cursor, router)
}

function isPerPartitionState(state: Dict, cursor: PlainDict, router: Value): boolean {
  if (!keys(state).every((key) => perPartitionKeys.has(key))) return false
  const [states, global] = [get(state, 'states') ?? null, get(state, 'state') ?? null]
  if (states === null && global === null) return false
  if (global !== null && !(isDict(global) && isCursorState(global, cursor))) return false
  if (states === null) return true
  const hasParents = isPlainDict(router) && get(router, 'type') === 'SubstreamPartitionRouter'
  return (
    Array.isArray(states) &&
    states.every((entry) => {
      if (!isDict(entry)) return false
      const [partition, reached] = [get(entry, 'partition'), get(entry, 'cursor')]
      if (partition === undefined || !isDict(partition)) return false
      if (hasParents && !has(partition, 'parent_slice')) return false
      return reached !== undefined && isDict(reached) && isCursorState(reached, cursor)
    })
  )
}

function isCursorState(state: Dict, cursor: PlainDict): boolean {
  const name = optionalText(cursor, 'cursor_field') ?? ''
  const known = new Set<Value>([name, 'last_response', 'state_type', 'slices', 'legacy'])
  // A cursor_field that is a template may be any name.
  const isTemplate = name.includes('{{')
  if (!isTemplate && !keys(state).every((key) => known.has(key))) return false
  if (has(state, 'slices')) return true
  const value = isTemplate ? onlyValue(state) : get(state, name)
  return value !== undefined && value !== null && isCursorValue(value, cursor)
}

function onlyValue(state: Dict): Value | undefined {
  const [only, ...others] = keys(state)
  return only !== undefined && others.length === 0 ? get(state, only) : undefined
}

function isCursorValue(value: Value, cursor: PlainDict): boolean {
  if (get(cursor, 'type') !== 'DatetimeBasedCursor') return /^-?\d+$/.test(str(value))
  const own = optionalText(cursor, 'datetime_format') ?? ''
  const formats = [own, ...list(cursor, 'cursor_datetime_formats').map(str)]
  return formats.some((format) => format.includes('{') || isTime(str(value), format))
}
