import { isJsonList, isJsonObject, type JsonObject } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import type { ActionDescriptor } from '../descriptor-schema.ts'
import { failureKind, statusFailure, type VendorFailure } from '../http/vendor-api.ts'

/** By `extensions.code` and by `extensions.type`, which do not always come together. */
const kinds: Readonly<Record<string, VendorFailure['kind']>> = {
  AUTHENTICATION_ERROR: 'credentials',
  'authentication error': 'credentials',
  FORBIDDEN: 'permission',
  forbidden: 'permission',
  'feature not accessible': 'permission',
  INPUT_ERROR: 'refused',
  'invalid input': 'refused',
  BAD_USER_INPUT: 'refused',
  'user error': 'refused',
  GRAPHQL_VALIDATION_FAILED: 'refused',
  'graphql error': 'refused',
  'usage limit exceeded': 'refused',
  RATELIMITED: 'rate limit',
  ratelimited: 'rate limit',
  INTERNAL_SERVER_ERROR: 'failed',
  'internal error': 'failed',
  'lock timeout': 'failed',
  'network error': 'failed',
}

/**
 * GraphQL reports failures in the body, with status 400 or 200. A change that succeeded may have errors
 * beside it, of fields of its result: it is done all the same.
 */
export function linearFailure(
  response: ActionResponse,
  { effect }: Pick<ActionDescriptor, 'effect'>,
): VendorFailure | undefined {
  const { body, status } = response
  const { errors, data } = isJsonObject(body) ? body : {}
  const error = isJsonList(errors) ? errors[0] : undefined
  const results = isJsonObject(data) ? Object.values(data) : []
  if (results.some((result) => isJsonObject(result) && result.success === true)) return undefined
  if (isJsonObject(error)) {
    const failure = failureOf(error, status)
    // An error below a change is an error of its result: the change was made, or is undone. It is unknown
    // which.
    return effect !== 'read' && isBelow(error) ? { ...failure, kind: 'unclear' } : failure
  }
  const failure = statusFailure(response)
  if (failure !== undefined) return failure
  const hasFailed = results.some((result) => isJsonObject(result) && result.success === false)
  return hasFailed ? { kind: 'refused', message: 'it reports no success and no reason' } : undefined
}

function isBelow({ path }: JsonObject): boolean {
  return isJsonList(path) && path.length > 1
}

function failureOf({ message, extensions }: JsonObject, status: number): VendorFailure {
  const details = isJsonObject(extensions) ? extensions : {}
  const names = [details.code, details.type].filter((name) => typeof name === 'string')
  const known = names.map((name) => kinds[name]).find((kind) => kind !== undefined)
  // If the error is not known, it is unknown whether a change was made before it.
  const kind = known ?? failureKind(status) ?? 'failed'
  const said = [details.userPresentableMessage, message].find((text) => typeof text === 'string')
  const [code] = names
  return {
    kind,
    message: said ?? `it responded with status ${String(status)}`,
    ...(code !== undefined && { code }),
  }
}
