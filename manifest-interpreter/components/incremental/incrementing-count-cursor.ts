import type { Builder } from '../../component.ts'
import { field } from '../../definition.ts'
import { str } from '../../value/text.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import { toInt } from '../../value/conversion.ts'
import { ConcurrentCursor } from './concurrent-cursor.ts'
import { cursorFieldOf } from './cursor-field.ts'
import { compileOption, cursorRequestOptions } from './cursor-request-options.ts'
import type { CursorContext } from './datetime-based-cursor.ts'
import { arithmetic } from '../../value/arithmetic.ts'
import { compare } from '../../value/ordering.ts'
import { truth } from '../../value/truth.ts'
import type { CursorValues } from './cursor-values.ts'

/** IncrementingCountCursor: one slice, from the greatest value of the last read on. */
export function incrementingCountCursor(
  { definition, builder, streamName }: CursorContext,
  state: Dict,
  emitState: (state: Dict) => void,
): ConcurrentCursor<Value> {
  // The reference evaluates this cursor's templates without $parameters.
  const parameters: Dict = {}
  const cursorField = cursorFieldOf(definition, builder, { streamName, parameters })
  const settings = {
    ...cursorField,
    streamName,
    values: countCursorValues,
    rules: {
      start: startValue(definition, builder),
      end: () => Number.POSITIVE_INFINITY,
      granularity: null,
      step: null,
      lookback: null,
      clamp: (value: Value) => value,
      compareStrictly: false,
    },
    boundaries: ['start', 'end'] as const,
    stateFollows: 'records' as const,
    halve: () => null,
    requestOptions: cursorRequestOptions([
      { option: compileOption(definition, 'start_value_option', builder), sliceField: 'start' },
    ]),
    warn: (message: string) => {
      builder.environment.logger.warn({ stream: streamName, field: cursorField.field }, message)
    },
  }
  return new ConcurrentCursor<Value>(settings, state, emitState)
}

function startValue(definition: PlainDict, builder: Builder): Value {
  const start = field(definition, 'start_value') ?? null
  if (start === null) return 0
  return toInt(builder.templates.string(str(start))({ config: builder.config }))
}

/** The values of an IncrementingCountCursor: those of the records, unchanged. */
const countCursorValues: CursorValues<Value> = {
  parse: (value) => value,
  parseOfRecord: (value) => value,
  write: (value) => value,
  compare: (left, right) => {
    if (compare('<', left, right)) return -1
    return compare('>', left, right) ? 1 : 0
  },
  next: (value) => arithmetic('+', value, 1),
  isTruthy: truth,
  moment: () => null,
}
