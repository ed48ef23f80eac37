import { isJsonObject, type JsonObject } from '../../protocol/index.ts'
import type { ActionResponse } from '../action.ts'
import type { VendorAccount } from '../connector.ts'
import type { ActionDescriptor, DryRunLevel } from '../descriptor-schema.ts'

/** The settings that all actions of a vendor share. */
export interface VendorApi {
  /** As people call the vendor. */
  readonly title: string
  /** The value of the header Authorization, with `***` in the place of the secret. Default: `Bearer ***`. */
  authorization?(config: JsonObject): string
  /** The header by which the vendor recognizes a repeated call, if it does; not sent with GET and DELETE. */
  readonly idempotencyHeader?: string
  /** Whose account a configuration reaches: see `ConnectorActions`. */
  account?(config: JsonObject): VendorAccount
  /** The dry-run level that these credentials allow. Default: the action's level, but never `native`. */
  dryRunLevel?(action: ActionDescriptor, config: JsonObject): DryRunLevel
  /**
   * Undefined if the vendor carried out the request, or had done so before. Default: decided by the HTTP
   * status.
   */
  failure?(response: ActionResponse, action: ActionDescriptor): VendorFailure | undefined
  /**
   * For a vendor that marks all of its responses: true if this response, which reports no failure, has the
   * mark. A response of a proxy or a login on the way has none. Default: true; the action's output then shows
   * which responses are not the vendor's.
   */
  isMarked?(response: ActionResponse): boolean
  /**
   * True if the vendor turned the request away because of a limit and did nothing, so that a request of any
   * kind may be sent again. Default: at status 429.
   */
  isTurnedAway?(response: Pick<ActionResponse, 'status' | 'headers'>): boolean
  /**
   * When the limit that turned a request away is filled again, in milliseconds since 1970, for a vendor that
   * says so in headers of its own. `Retry-After` goes before it.
   */
  readonly resetMs?: (headers: ActionResponse['headers']) => number | undefined
  /** Default: none that is known. */
  readonly limits?: SharedLimits
  /** By which the vendor finds the request in its own logs. Default: the header `x-request-id`. */
  requestId?(response: ActionResponse): string | undefined
}

/**
 * Limits that all calls of an instance share, by names of their own. While one call waits as the vendor
 * asked, the others that the same limit is for wait, too: the vendor would only turn them away, or ask for
 * longer waits.
 */
export interface SharedLimits {
  /** The limits for which a call of the action counts. */
  of(action: ActionDescriptor): readonly string[]
  /** The limit that turned the call away. */
  hit(action: ActionDescriptor, response: Pick<ActionResponse, 'headers'>): string
}

export interface VendorFailure {
  /**
   * `declined`: the request is correct, and somebody else, such as the bank of a card, said no. `failed`: the
   * vendor's own trouble; it may have done it. `unclear`: it may have done it, and does not do it again.
   */
  readonly kind:
    'credentials' | 'permission' | 'rate limit' | 'refused' | 'declined' | 'failed' | 'unclear'
  /** In the vendor's words. */
  readonly message: string
  /** The vendor's own code. */
  readonly code?: string
  /** The vendor's other facts about the failure, in its names: `details.vendor_error`. */
  readonly facts?: JsonObject
}

/** The kind of failure that a status of HTTP means; undefined below 400. */
export function failureKind(status: number): VendorFailure['kind'] | undefined {
  if (status < 400) return undefined
  if (status >= 500) return 'failed'
  return kinds[status] ?? 'refused'
}

const kinds: Readonly<Record<number, VendorFailure['kind']>> = {
  401: 'credentials',
  403: 'permission',
  408: 'failed',
  429: 'rate limit',
}

/** The failure that a status of HTTP means, with what the vendor says of it. */
export function statusFailure(response: ActionResponse): VendorFailure | undefined {
  const kind = failureKind(response.status)
  return kind === undefined ? undefined : { kind, message: statusText(response) }
}

/** By which the vendor finds the request in its own logs, if it says so. */
export function requestIdOf(api: VendorApi, response: ActionResponse): string | undefined {
  return api.requestId ? api.requestId(response) : response.headers.get('x-request-id')
}

/** Throws if the response lacks the mark of the vendor. */
export function requireMark(api: VendorApi, response: ActionResponse): void {
  if (api.isMarked?.(response) ?? true) return
  throw new TypeError(
    `it has no header that marks a response of ${api.title}: a proxy or a login on the way may have sent it`,
  )
}

/** Describes an unexpected response briefly: its status, and its message if it has one. */
export function statusText({ status, body }: ActionResponse): string {
  const said = isJsonObject(body) && typeof body.message === 'string' ? `: ${body.message}` : ''
  return `it responded with status ${String(status)}${said}`
}
