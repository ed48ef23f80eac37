import type { BuildContext, Builder } from '../../../component.ts'
import { TransportError, type BackoffStrategy, type ErrorHandler } from '../../../contracts.ts'
import { field, invalidComponent, list, parametersOf } from '../../../definition.ts'
import { isDict } from '../../../value/dict.ts'
import { valueError } from '../../../value/python-error.ts'
import type { PlainDict, Value } from '../../../value/value.ts'
import { toNumber } from '../../../value/to-number.ts'
import { defaultResolution } from './default-error-mapping.ts'
import { httpResponseFilter } from './http-response-filter.ts'

const MAX_TIME_SECONDS = 600
const MAX_RETRIES = 5

/**
 * `DefaultErrorHandler`: the manifest's filters in order, then success below 400, then what the status
 * usually means.
 */
export function defaultErrorHandler(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): ErrorHandler {
  const filters = list(definition, 'response_filters').map((filter) =>
    httpResponseFilter(componentOf(filter), builder),
  )
  const strategies = builder.buildAll(
    'backoffStrategy',
    field(definition, 'backoff_strategies'),
    context,
  )
  return {
    maxRetries: maxRetriesOf(definition, builder),
    maxTimeSeconds: MAX_TIME_SECONDS,
    interpret: async (outcome) => {
      if (outcome instanceof TransportError) return defaultResolution(outcome)
      for (const filter of filters) {
        const resolution = await filter(outcome)
        if (resolution !== null) return resolution
      }
      return outcome.ok ? { action: 'SUCCESS' } : defaultResolution(outcome)
    },
    backoffSeconds: (outcome, attempt) => firstBackoff(strategies, outcome, attempt),
  }
}

/** The wait of the first strategy that has one; zero is none. */
export async function firstBackoff(
  strategies: readonly BackoffStrategy[],
  outcome: Parameters<BackoffStrategy['backoffSeconds']>[0],
  attempt: number,
): Promise<number | null> {
  for (const strategy of strategies) {
    const seconds = await strategy.backoffSeconds(outcome, attempt)
    if (seconds !== null && seconds !== 0) return seconds
  }
  return null
}

function maxRetriesOf(definition: PlainDict, { config, templates }: Builder): number | null {
  const value = field(definition, 'max_retries')
  if (value === undefined) return MAX_RETRIES
  if (value === null) return null
  const evaluated =
    typeof value === 'string'
      ? templates.string(value, { parameters: parametersOf(definition), default: '5' })({ config })
      : value
  const retries = toNumber(evaluated)
  if (retries === null || (typeof evaluated === 'string' && !Number.isInteger(retries)))
    throw valueError('DefaultErrorHandler.max_retries did not evaluate to an integer.')
  return Math.trunc(retries)
}

function componentOf(value: Value): PlainDict {
  if (isDict(value) && !(value instanceof Map)) return value
  throw invalidComponent('the response_filters of an error handler', 'each must be a component.')
}
