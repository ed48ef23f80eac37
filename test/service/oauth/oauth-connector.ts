import type { ConnectorDescriptor, OAuth2Scheme } from '../../../connectors/connector.ts'
import type { OAuthInstance } from '../../../service/oauth/oauth.ts'
import type { AuthorizationServer } from '../../fakes/authorization-server.ts'

/** A connector whose vendor is the authorization server. */
export function descriptorOf(
  server: Pick<AuthorizationServer, 'issuer' | 'authorizeUrl' | 'tokenUrl'>,
  scheme: Partial<OAuth2Scheme> = {},
): ConnectorDescriptor {
  const secret = { type: 'string', airbyte_secret: true }
  return {
    type: 'vendor',
    title: 'Vendor',
    docsUrl: 'docs',
    spec: {
      type: 'object',
      required: ['client_id', 'client_secret', 'refresh_token'],
      properties: { client_id: secret, client_secret: secret, refresh_token: secret },
    },
    auth: [
      {
        kind: 'oauth2',
        authorizeUrl: server.authorizeUrl,
        tokenUrl: server.tokenUrl,
        issuer: server.issuer,
        scopes: ['openid', 'offline_access', 'read'],
        ...scheme,
      },
    ],
    webhooks: [],
    addressFields: () => [],
  }
}

export function instanceOf(id: string, descriptor: ConnectorDescriptor): OAuthInstance {
  return { id, name: 'crm', config: {}, descriptor }
}
