import type { Builder } from '../../../component.ts'
import type { ErrorResolution, FailureType, ResponseAction } from '../../../contracts.ts'
import { field, invalidComponent, list, optionalText, parametersOf } from '../../../definition.ts'
import type { HttpResponse } from '../../../http/http-response.ts'
import { publicUrl } from '../../../http/split-url.ts'
import type { Scope } from '../../../interpolation/template-compiler.ts'
import { str } from '../../../value/text.ts'
import { truth } from '../../../value/truth.ts'
import type { Dict, PlainDict } from '../../../value/value.ts'
import { mappedStatus } from './default-error-mapping.ts'
import { jsonOrEmpty, parseErrorMessage } from './json-error-message-parser.ts'

/** `HttpResponseFilter`: returns the meaning of the responses that it matches, and null for others. */
export type ResponseFilter = (response: HttpResponse) => Promise<ErrorResolution | null>

export function httpResponseFilter(definition: PlainDict, builder: Builder): ResponseFilter {
  const { config, templates } = builder
  const parameters = parametersOf(definition)
  const action = optionalAction(optionalText(definition, 'action'))
  const failureType = optionalFailureType(optionalText(definition, 'failure_type'))
  const codes = new Set(list(definition, 'http_codes').map(Number))
  const contains = optionalText(definition, 'error_message_contains') ?? ''
  const predicate = field(definition, 'predicate') ?? ''
  const holds = truth(predicate) ? templates.boolean(predicate, { parameters }) : undefined
  const message = templates.string(optionalText(definition, 'error_message') ?? '', { parameters })

  const matches = async (response: HttpResponse): Promise<boolean> => {
    if (codes.has(response.status)) return true
    if (holds?.(await scopeOf(response, null)) === true) return true
    return contains !== '' && ((await parseErrorMessage(response)) ?? '').includes(contains)
  }
  return async (response) => {
    if (action === undefined || !(await matches(response))) return null
    const known = mappedStatus(response.status)
    const evaluated = message(await scopeOf(response, config))
    return {
      action,
      failureType:
        action === 'FAIL' && failureType !== undefined
          ? failureType
          : (known?.failureType ?? 'system_error'),
      message: truth(evaluated) ? str(evaluated) : (known?.message ?? ''),
    }
  }
}

/** Predicates see no configuration. */
async function scopeOf(response: HttpResponse, config: Dict | null): Promise<Scope> {
  return {
    config,
    response: await jsonOrEmpty(response),
    headers: response.headers,
    request_url: publicUrl(response.url),
  }
}

function optionalAction(name: string | undefined): ResponseAction | undefined {
  switch (name) {
    case undefined:
    case 'SUCCESS':
    case 'RETRY':
    case 'FAIL':
    case 'IGNORE':
    case 'RESET_PAGINATION':
    case 'RATE_LIMITED':
    case 'REFRESH_TOKEN_THEN_RETRY':
    case 'REDUCE_PAGE_SIZE':
    case 'SPLIT_REQUEST_WINDOW':
      return name
    default:
      throw invalidComponent('action of a response filter', `there is no action "${name}".`)
  }
}

function optionalFailureType(name: string | undefined): FailureType | undefined {
  switch (name) {
    case undefined:
    case 'config_error':
    case 'transient_error':
    case 'system_error':
      return name
    default:
      throw invalidComponent(
        'failure_type of a response filter',
        `there is no failure type "${name}". Use config_error, transient_error or system_error.`,
      )
  }
}
