import type { OAuth2Scheme } from '../connector.ts'

/** The scopes that the streams and actions need. */
const scopes = [
  'channels:history',
  'channels:join',
  'channels:manage',
  'channels:read',
  'chat:write',
  'files:read',
  'files:write',
  'groups:history',
  'groups:read',
  'groups:write',
  'im:write',
  'mpim:write',
  'reactions:read',
  'reactions:write',
  'usergroups:read',
  'users:read',
  'users:read.email',
]

/**
 * https://docs.slack.dev/authentication/installing-with-oauth. The token is the bot's. No PKCE: Slack has it
 * for apps without a secret only, whose tokens then rotate. The connector itself renews tokens that rotate,
 * by its manifest.
 */
export const slackOAuth: OAuth2Scheme = {
  kind: 'oauth2',
  authorizeUrl:
    'https://slack.com/oauth/v2/authorize?{{ client_id_param }}&{{ scope_param }}&{{ redirect_uri_param }}&{{ state_param }}',
  tokenUrl: 'https://slack.com/api/oauth.v2.access',
  scopes,
  templates: {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    params: {
      client_id: '{{ client_id_value }}',
      client_secret: '{{ client_secret_value }}',
      code: '{{ auth_code_value }}',
      redirect_uri: '{{ redirect_uri_value }}',
    },
    keys: {},
    userInput: {},
    scopeSeparator: ',',
    output: ['access_token', 'refresh_token'],
    expiryKey: 'expires_in',
  },
}
