import type { OAuth2Scheme } from '../connector.ts'

const server =
  "{{ (api_url or 'https://' + (domain or 'login.salesforce.com')).rstrip('/') }}/services/oauth2"

/**
 * The web server flow of an External Client App, with PKCE. The answer names the organization
 * (`instance_url`). https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm
 */
export const salesforceOAuth: OAuth2Scheme = {
  kind: 'oauth2',
  authorizeUrl: `${server}/authorize?{{ client_id_param }}&{{ redirect_uri_param }}&response_type=code&{{ scope_param }}&{{ state_param }}&code_challenge={{ state_value | codeChallengeS256 }}&code_challenge_method=S256`,
  tokenUrl: `${server}/token`,
  scopes: ['api', 'refresh_token'],
  fields: {
    clientId: '/client_id',
    clientSecret: '/client_secret',
    answer: {
      access_token: '/access_token',
      refresh_token: '/refresh_token',
      token_expiry_date: '/token_expiry_date',
      instance_url: '/instance_url',
    },
  },
  templates: {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    params: {
      grant_type: 'authorization_code',
      client_id: '{{ client_id_value }}',
      client_secret: '{{ client_secret_value }}',
      code: '{{ auth_code_value }}',
      redirect_uri: '{{ redirect_uri_value }}',
      code_verifier: '{{ state_value }}',
    },
    keys: {},
    userInput: { domain: '/domain', api_url: '/api_url' },
    scopeSeparator: ' ',
    output: ['access_token', 'refresh_token', 'instance_url'],
    expiryKey: 'expires_in',
  },
}
