import { optionalText, parametersOf } from '../../definition.ts'
import type { Builder } from '../../component.ts'
import type { RecordFilter, RecordScope } from '../../contracts.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * RecordFilter: passes the records for which the condition holds. Without a condition it passes none, as in
 * the reference.
 */
export function recordFilter(definition: PlainDict, builder: Builder): RecordFilter {
  return { keeps: conditionOf(definition, builder) }
}

/** The condition is also applied to values that are not dicts: an API may mix nulls into its records. */
export type Condition = (record: Value, scope: Pick<RecordScope, 'slice'>) => boolean

export function conditionOf(filter: PlainDict, builder: Builder): Condition {
  return compileCondition(optionalText(filter, 'condition') ?? '', builder, parametersOf(filter))
}

export function compileCondition(
  condition: string,
  { templates, config }: Builder,
  parameters: Dict,
): Condition {
  const holds = templates.boolean(condition, { parameters })
  // One scope for all records: conditions are evaluated one after the other.
  const seen: FilterScope = {
    config,
    record: null,
    stream_slice: undefined,
    // The reference knows the token of the page but does not pass it to filters.
    next_page_token: null,
  }
  return (record, { slice }) => {
    seen.record = record
    seen.stream_slice = slice
    return holds(seen)
  }
}

interface FilterScope extends Record<string, Value | StreamSlice | undefined> {
  record: Value
  stream_slice: StreamSlice | undefined
}
