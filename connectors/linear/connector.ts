import type { JsonObject } from '../../protocol/index.ts'
import type { Connector } from '../connector.ts'
import { httpConnector } from '../http/http-connector.ts'
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
    },
    manifest: new URL('streams/manifest.yaml', import.meta.url),
    loadActions: async () => (await import('./actions/actions.ts')).linearActions,
  })
}

/** The same choice as the manifest's. A preview may lack the secrets: then the refresh token does not tell either. */
function hasAccessToken({ access_token: access, refresh_token: refresh }: JsonObject): boolean {
  return [access, refresh].some((token) => typeof token === 'string' && token !== '')
}
