import { SourceError } from '../../contracts.ts'
import { component, field, list, optionalText, text } from '../../definition.ts'
import { get, isDict } from '../../value/dict.ts'
import { contains } from '../../value/equality.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { str } from '../../value/text.ts'
import { countOf, momentOf, type QuotaState, type TokenQuota } from './token-quota.ts'
import type { Builder } from '../../component.ts'
import type { Environment } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** Requests the state of all pools of a token, which its header identifies. */
export type QuotaStatus = (authorization: PlainDict) => Promise<Map<string, QuotaState>>

/** QuotaStatusSource: a request that reports how many calls a token has left. */
export function quotaStatus(
  definition: PlainDict,
  quotas: readonly TokenQuota[],
  builder: Builder,
): QuotaStatus {
  const source = component(definition, 'quota_status_source')
  const unavailable = list(source, 'unavailable_status_codes')
  const requester = builder.build(
    'requester',
    {
      type: 'HttpRequester',
      url: text(source, 'url'),
      http_method: optionalText(source, 'http_method') ?? 'GET',
      request_headers: field(source, 'request_headers') ?? {},
      ...(unavailable.length > 0 && {
        error_handler: {
          type: 'DefaultErrorHandler',
          response_filters: [
            { type: 'HttpResponseFilter', action: 'IGNORE', http_codes: [...unavailable] },
          ],
        },
      }),
    },
    { streamName: 'quota_status' },
  )
  return async (headers) => {
    const scope = { slice: StreamSlice.empty, nextPageToken: null }
    const response = await requester.send({ scope, headers })
    if (response === null || contains(unavailable, response.status))
      return untracked(quotas, builder.environment)
    const body = await response.json()
    return new Map(quotas.map((quota) => [quota.name, stateOf(body, quota)]))
  }
}

function stateOf(body: Value, quota: TokenQuota): QuotaState {
  const remaining = valueOf(body, quota.remainingPath, quota)
  const reset = valueOf(body, quota.resetPath, quota)
  const limit = quota.limitPath.length > 0 ? valueOf(body, quota.limitPath, quota) : remaining
  return {
    remaining: countOf(remaining),
    resetAt: momentOf(reset),
    limit: countOf(limit),
    tracked: true,
  }
}

function untracked(
  quotas: readonly TokenQuota[],
  environment: Environment,
): Map<string, QuotaState> {
  const resetAt = environment.nowMicros()
  return new Map(
    quotas.map(({ name }) => [name, { remaining: 0, resetAt, limit: 0, tracked: false }]),
  )
}

function valueOf(body: Value, path: readonly Value[], quota: TokenQuota): Value {
  let value: Value | undefined = body
  for (const key of path) {
    value = isDict(value) ? get(value, key) : undefined
    if (value === undefined)
      throw new SourceError(
        `Quota status response does not contain the configured path ${path.map(str).join('.')} for token quota "${quota.name}".`,
        { failureType: 'system_error', mayPass: false },
      )
  }
  return value
}
