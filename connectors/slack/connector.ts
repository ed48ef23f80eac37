import type { Connector } from '../connector.ts'
import { httpConnector } from '../http/http-connector.ts'
import { slackFailure } from './failure.ts'
import { slackOAuth } from './oauth.ts'
import { slackWebhooks } from './webhooks.ts'

/** Loads its manifest. */
export function slackConnector(): Connector {
  return httpConnector({
    type: 'slack',
    docsUrl: 'docs/connectors/slack.md',
    auth: [{ kind: 'api_key', field: 'access_token' }, slackOAuth],
    webhooks: slackWebhooks,
    api: {
      title: 'Slack',
      failure: slackFailure,
      requestId: ({ headers }) => headers.get('x-slack-req-id'),
    },
    manifest: new URL('streams/manifest.yaml', import.meta.url),
    loadActions: async () => (await import('./actions/actions.ts')).slackActions,
    loadComponents: async () => {
      const { registerSlackComponents } = await import('./streams/components.ts')
      registerSlackComponents()
    },
  })
}
