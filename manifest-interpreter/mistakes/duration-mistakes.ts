import { notADuration, parseIsoDuration } from '../datetime/iso-duration.ts'
import { get } from '../value/dict.ts'
import { PythonError } from '../value/python-error.ts'
import type { PlainDict } from '../value/value.ts'

/** The fields that hold an ISO 8601 duration, by the type of their component. */
const durationFields: ReadonlyMap<string, readonly string[]> = new Map([
  ['DatetimeBasedCursor', ['step', 'cursor_granularity', 'lookback_window']],
  ['StateDelegatingStream', ['api_retention_period']],
  ['SessionTokenAuthenticator', ['expiration_duration']],
  ['RateLimitedMultipleTokenAuthenticator', ['max_wait_time']],
  ['FixedWindowCallRatePolicy', ['period']],
  ['RequestWindowSplitting', ['min_split_window']],
])
const rateFields: readonly string[] = ['interval']

export interface FieldMistake {
  readonly field: string
  readonly message: string
}

/**
 * Texts of a component that can never be read as the duration that they have to be. Templates are left alone.
 */
export function durationMistakes(component: PlainDict, path: string): readonly FieldMistake[] {
  const type = get(component, 'type')
  // A rate has no type.
  const isRate = type === undefined && /(^|\.)rates\[\d+\]$/.test(path)
  const fields = isRate ? rateFields : durationFields.get(typeof type === 'string' ? type : '')
  return (fields ?? []).flatMap((field) => {
    const text = get(component, field)
    if (typeof text !== 'string' || text === '' || /\{[{%]/.test(text) || isDuration(text))
      return []
    return [{ field, message: notADuration(text) }]
  })
}

function isDuration(text: string): boolean {
  try {
    parseIsoDuration(text)
    return true
  } catch (error) {
    if (error instanceof PythonError) return false
    throw error
  }
}
