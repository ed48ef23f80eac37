import type { OAuth2Scheme } from '../connector.ts'

const website = "{{ (web_url or 'https://github.com').rstrip('/') }}/login/oauth"

/**
 * OAuth apps and users of GitHub Apps, also of an Enterprise Server (`web_url`). Tokens of OAuth apps do not
 * expire; those of GitHub Apps do, and the manifest refreshes them.
 * https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
export const githubOAuth: OAuth2Scheme = {
  kind: 'oauth2',
  authorizeUrl: `${website}/authorize?{{ client_id_param }}&{{ redirect_uri_param }}&{{ scope_param }}&{{ state_param }}&code_challenge={{ state_value | codeChallengeS256 }}&code_challenge_method=S256`,
  tokenUrl: `${website}/access_token`,
  // A GitHub App has permissions instead.
  scopes: ['repo', 'read:org', 'workflow'],
  fields: {
    clientId: '/client_id',
    clientSecret: '/client_secret',
    answer: {
      access_token: '/access_token',
      refresh_token: '/refresh_token',
      token_expiry_date: '/token_expiry_date',
    },
  },
  templates: {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    params: {
      client_id: '{{ client_id_value }}',
      client_secret: '{{ client_secret_value }}',
      code: '{{ auth_code_value }}',
      redirect_uri: '{{ redirect_uri_value }}',
      code_verifier: '{{ state_value }}',
    },
    keys: {},
    userInput: { web_url: '/web_url' },
    scopeSeparator: ' ',
    output: ['access_token', 'refresh_token', 'expires_in'],
    expiryKey: 'expires_in',
  },
}
