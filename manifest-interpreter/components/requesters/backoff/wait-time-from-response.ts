import type { Builder } from '../../../component.ts'
import { TransportError, type BackoffStrategy } from '../../../contracts.ts'
import { parametersOf, text } from '../../../definition.ts'
import type { Scope } from '../../../interpolation/template-compiler.ts'
import { TemplateError } from '../../../interpolation/template-error.ts'
import type { PlainDict, Value } from '../../../value/value.ts'
import { jsonOrEmpty } from '../error-handlers/json-error-message-parser.ts'
import { compileMaxWaitingTime } from './max-waiting-time.ts'
import { toNumber } from '../../../value/to-number.ts'

/** `WaitTimeFromResponse`: the seconds that an expression of the body or the headers gives. */
export function waitTimeFromResponse(definition: PlainDict, builder: Builder): BackoffStrategy {
  const { config, environment, templates } = builder
  const template = text(definition, 'wait_time_in_seconds')
  const evaluate = templates.jinja(template, {
    parameters: parametersOf(definition),
    default: template,
  })
  const capped = compileMaxWaitingTime(definition, builder)
  /**
   * The body may have any shape: an expression that does not fit it has no result, and the next strategy is
   * tried.
   */
  const evaluated = (scope: Scope): Value => {
    try {
      const value = evaluate(scope)
      return value === template ? null : value
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      environment.logger.warn({ reason: error.kind }, 'the wait time of a response is not clear')
      return null
    }
  }
  return {
    backoffSeconds: async (outcome) => {
      const failed = outcome instanceof TransportError
      const value = evaluated({
        config,
        response: failed ? {} : await jsonOrEmpty(outcome),
        headers: failed ? {} : outcome.headers,
      })
      const seconds = value === null ? null : toNumber(value)
      if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return null
      return seconds === 0 ? 0 : capped(seconds)
    },
  }
}
