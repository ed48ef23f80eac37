import type { OAuth2Scheme } from '../connector.ts'

/**
 * https://linear.app/developers/oauth-2-0-authentication. The connector itself renews the tokens, by its
 * manifest.
 */
export const linearOAuth: OAuth2Scheme = {
  kind: 'oauth2',
  authorizeUrl:
    'https://linear.app/oauth/authorize?{{ client_id_param }}&{{ redirect_uri_param }}&response_type=code&{{ scope_param }}&{{ state_param }}&code_challenge={{ state_value | codeChallengeS256 }}&code_challenge_method=S256',
  tokenUrl: 'https://api.linear.app/oauth/token',
  scopes: ['read', 'write'],
  templates: {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    params: {
      grant_type: 'authorization_code',
      client_id: '{{ client_id_value }}',
      client_secret: '{{ client_secret_value }}',
      code: '{{ auth_code_value }}',
      redirect_uri: '{{ redirect_uri_value }}',
      code_verifier: '{{ state_value }}',
    },
    keys: {},
    userInput: {},
    scopeSeparator: ',',
    output: ['access_token', 'refresh_token'],
    expiryKey: 'expires_in',
  },
}
