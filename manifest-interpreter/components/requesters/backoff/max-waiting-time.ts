import type { Builder } from '../../../component.ts'
import { SourceError } from '../../../contracts.ts'
import { field, parametersOf } from '../../../definition.ts'
import { str } from '../../../value/text.ts'
import type { PlainDict } from '../../../value/value.ts'
import { toNumber } from '../../../value/to-number.ts'

/**
 * `max_waiting_time_in_seconds`: a wait that is as long or longer ends the stream. Zero: no wait is taken. A
 * field that gives no number is a fault of the manifest and shows when the source is built.
 */
export function compileMaxWaitingTime(
  definition: PlainDict,
  { config, templates }: Builder,
): (seconds: number) => number {
  const value = field(definition, 'max_waiting_time_in_seconds')
  if (value === undefined || value === null) return (seconds) => seconds
  const template = templates.string(str(value), { parameters: parametersOf(definition) })
  const maximum = evaluate(() => toNumber(template({ config })))
  return (seconds) => {
    if (seconds < maximum) return seconds
    throw new SourceError(
      'The rate limit wait time is longer than the connector is allowed to wait.',
      {
        failureType: 'transient_error',
        internalMessage: `Rate limit wait time ${seconds}s is greater than or equal to the maximum of ${maximum}s this stream is allowed to wait. Stopping the stream...`,
      },
    )
  }
}

function evaluate(template: () => number | null): number {
  let cause: unknown
  try {
    const maximum = template()
    if (maximum !== null && Number.isFinite(maximum)) return maximum
  } catch (error) {
    cause = error
  }
  throw new SourceError(
    'The connector could not determine how long it is allowed to wait for a rate limit to clear. This is a problem with the connector rather than with your configuration.',
    {
      failureType: 'system_error',
      mayPass: false,
      internalMessage: 'max_waiting_time_in_seconds does not evaluate to a number.',
      cause,
    },
  )
}
