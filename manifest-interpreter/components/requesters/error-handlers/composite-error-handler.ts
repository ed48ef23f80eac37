import type { BuildContext, Builder } from '../../../component.ts'
import type { ErrorHandler, ErrorResolution, ResponseAction } from '../../../contracts.ts'
import { field } from '../../../definition.ts'
import { valueError } from '../../../value/python-error.ts'
import type { PlainDict } from '../../../value/value.ts'
import { firstBackoff } from './default-error-handler.ts'

/** After these, no other handler is tried. */
const FINAL: ReadonlySet<ResponseAction> = new Set([
  'SUCCESS',
  'RETRY',
  'IGNORE',
  'RESET_PAGINATION',
  'REDUCE_PAGE_SIZE',
  'SPLIT_REQUEST_WINDOW',
])

/**
 * `CompositeErrorHandler`: the first handler that finds more than a failure or a rate limit decides, else the
 * last handler. The strategies of all handlers count for all of them, in order.
 */
export function compositeErrorHandler(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): ErrorHandler {
  const handlers = builder.buildAll('errorHandler', field(definition, 'error_handlers'), context)
  const [first] = handlers
  if (first === undefined)
    throw valueError('CompositeErrorHandler expects at least 1 underlying error handler')
  return {
    maxRetries: first.maxRetries,
    maxTimeSeconds: Math.max(...handlers.map((handler) => handler.maxTimeSeconds ?? 0)),
    interpret: async (outcome) => {
      let resolution: ErrorResolution | undefined
      for (const handler of handlers) {
        resolution = await handler.interpret(outcome)
        if (FINAL.has(resolution.action)) break
      }
      return resolution ?? first.interpret(outcome)
    },
    backoffSeconds: (outcome, attempt) => firstBackoff(handlers, outcome, attempt),
  }
}
