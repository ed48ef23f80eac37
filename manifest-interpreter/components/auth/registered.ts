import type { Component } from '../../component.ts'
import { apiKeyAuthenticator } from './api-key-authenticator.ts'
import { basicHttpAuthenticator } from './basic-http-authenticator.ts'
import { bearerAuthenticator } from './bearer-authenticator.ts'
import { jwtAuthenticator } from './jwt-authenticator.ts'
import { legacySessionTokenAuthenticator } from './legacy-session-token-authenticator.ts'
import { noAuth } from './no-auth.ts'
import { oauthAuthenticator } from './oauth-authenticator.ts'
import { rateLimitedMultipleTokenAuthenticator } from './rate-limited-multiple-token-authenticator.ts'
import { selectiveAuthenticator } from './selective-authenticator.ts'
import { sessionTokenAuthenticator } from './session-token-authenticator.ts'

export const authenticators: ReadonlyMap<string, Component<'authenticator'>> = new Map<
  string,
  Component<'authenticator'>
>([
  ['ApiKeyAuthenticator', apiKeyAuthenticator],
  ['BasicHttpAuthenticator', basicHttpAuthenticator],
  ['BearerAuthenticator', bearerAuthenticator],
  ['JwtAuthenticator', jwtAuthenticator],
  ['LegacySessionTokenAuthenticator', legacySessionTokenAuthenticator],
  ['NoAuth', noAuth],
  ['OAuthAuthenticator', oauthAuthenticator],
  ['RateLimitedMultipleTokenAuthenticator', rateLimitedMultipleTokenAuthenticator],
  ['SelectiveAuthenticator', selectiveAuthenticator],
  ['SessionTokenAuthenticator', sessionTokenAuthenticator],
])
