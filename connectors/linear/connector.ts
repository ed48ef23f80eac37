import type { JsonObject } from '../../protocol/index.ts'
import type { Connector } from '../connector.ts'
import { httpConnector } from '../http/http-connector.ts'
import { headerNumber } from '../http/retry-time.ts'
import { linearFailure } from './failure.ts'
import { linearOAuth } from './oauth.ts'
import { linearWebhooks } from './webhooks.ts'

/** Loads its manifest. */
export function linearConnector(): Connector {
  return httpConnector({
    type: 'linear',
    docsUrl: 'docs/connectors/linear.md',
    auth: [{ kind: 'api_key', field: 'api_key' }, linearOAuth],
    webhooks: linearWebhooks,
    api: {
      title: 'Linear',
      // A key stands there as it is.
      authorization: (config) => (hasAccessToken(config) ? 'Bearer ***' : '***'),
      failure: linearFailure,
      resetMs,
    },
    manifest: new URL('streams/manifest.yaml', import.meta.url),
    loadActions: async () => (await import('./actions/actions.ts')).linearActions,
  })
}

/**
 * The same choice as the manifest's. A preview may lack the secrets: then the refresh token does not decide
 * either.
 */
function hasAccessToken({ access_token: access, refresh_token: refresh }: JsonObject): boolean {
  return [access, refresh].some((token) => typeof token === 'string' && token !== '')
}

/**
 * The resets of requests and of complexity; both in milliseconds. https://linear.app/developers/rate-limiting
 */
function resetMs(headers: ReadonlyMap<string, string>): number | undefined {
  const resets = ['requests', 'complexity'].flatMap((limit) => {
    const isUsedUp = headers.get(`x-ratelimit-${limit}-remaining`) === '0'
    return isUsedUp ? (headerNumber(headers, `x-ratelimit-${limit}-reset`) ?? []) : []
  })
  return resets.length > 0 ? Math.max(...resets) : undefined
}
