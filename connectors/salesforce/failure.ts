import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import { failureKind, statusText, type VendorFailure } from '../http/vendor-api.ts'

/** The first error of a response: a list of errors, or the result of a standard action. */
export function salesforceError(
  body: JsonValue,
):
  | { readonly code: string; readonly message: string; readonly fields: readonly string[] }
  | undefined {
  const first = isJsonList(body) ? body[0] : body
  if (!isJsonObject(first)) return undefined
  const inner = isJsonList(first.errors) ? first.errors[0] : undefined
  const error = isJsonObject(inner) ? inner : first
  const code = error.errorCode ?? error.statusCode ?? error.error
  const message = error.message ?? error.error_description
  if (typeof code !== 'string') return undefined
  const fields = isJsonList(error.fields) ? error.fields.map(String) : []
  return { code, message: typeof message === 'string' ? message : code, fields }
}

/** https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm */
export function salesforceFailure(response: ActionResponse): VendorFailure | undefined {
  const { body, status } = response
  // Several records have the external id.
  if (status === 300)
    return {
      kind: 'refused',
      message: 'several records have this external id',
      code: 'DUPLICATE_EXTERNAL_ID',
    }
  const kind = failureKind(status)
  if (kind === undefined) return undefined
  const error = salesforceError(body)
  if (error === undefined) return { kind, message: statusText(response) }
  const { code, message, fields } = error
  return {
    kind: code === 'REQUEST_LIMIT_EXCEEDED' ? 'rate limit' : kind,
    message: `${message.trim()} (${code})`,
    code,
    ...(fields.length > 0 && { facts: factsOf(fields) }),
  }
}

function factsOf(fields: readonly string[]): JsonObject {
  return { fields }
}
