import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import { failureKind, statusFailure, type VendorFailure } from '../http/vendor-api.ts'

/** By `extensions.code` and by `extensions.type`, which do not always come together. */
const kinds: Readonly<Record<string, VendorFailure['kind']>> = {
  AUTHENTICATION_ERROR: 'credentials',
  'authentication error': 'credentials',
  FORBIDDEN: 'permission',
  forbidden: 'permission',
  'feature not accessible': 'permission',
  RATELIMITED: 'rate limit',
  ratelimited: 'rate limit',
  INTERNAL_SERVER_ERROR: 'failed',
  'internal error': 'failed',
  'lock timeout': 'failed',
  'network error': 'failed',
}

/** GraphQL reports failures in the body, with status 400 or 200. */
export function linearFailure(response: ActionResponse): VendorFailure | undefined {
  const { body, status } = response
  const { errors, data } = isJsonObject(body) ? body : {}
  const error = isJsonList(errors) ? errors[0] : undefined
  if (isJsonObject(error)) return failureOf(error, status)
  const failure = statusFailure(response)
  if (failure !== undefined) return failure
  const hasFailed = isJsonObject(data) && Object.values(data).some(isWithoutSuccess)
  return hasFailed ? { kind: 'refused', message: 'it reports no success and no reason' } : undefined
}

function failureOf({ message, extensions }: JsonObject, status: number): VendorFailure {
  const details = isJsonObject(extensions) ? extensions : {}
  const names = [details.code, details.type].filter((name) => typeof name === 'string')
  const known = names.map((name) => kinds[name]).find((kind) => kind !== undefined)
  const kind = known ?? (status < 400 ? undefined : failureKind(status)) ?? 'refused'
  const said = [details.userPresentableMessage, message].find((text) => typeof text === 'string')
  const [code] = names
  return {
    kind,
    message: said ?? `it responded with status ${String(status)}`,
    ...(code !== undefined && { code }),
  }
}

function isWithoutSuccess(result: JsonValue | undefined): boolean {
  return isJsonObject(result) && result.success === false
}
