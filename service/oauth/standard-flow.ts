import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  None,
  refreshTokenGrant,
} from 'openid-client'
import type { OAuth2Scheme } from '../../connectors/connector.ts'
import type { OAuthCallback, OAuthClient } from './oauth.ts'
import type { TokenFetch } from './token-fetch.ts'

const timeoutSeconds = 20

/** A token endpoint's response, as RFC 6749 has it. */
export type TokenResponse = Readonly<Record<string, unknown>>

export interface Party {
  readonly scheme: OAuth2Scheme
  readonly client: OAuthClient
  /** The configuration values that a manifest's templates use. */
  readonly inputs: Readonly<Record<string, string>>
}

/** The facts of a single authorization. */
export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly state: string
  /** The PKCE code verifier. */
  readonly verifier: string
}

/** Authorization code with PKCE (S256), and refresh, by openid-client. */
export class StandardFlow {
  readonly #fetch: TokenFetch

  constructor(fetch: TokenFetch) {
    this.#fetch = fetch
  }

  async authorizeUrl(party: Party, about: AuthorizationRequest): Promise<string> {
    const { scopes } = party.scheme
    const url = buildAuthorizationUrl(this.#configuration(party), {
      redirect_uri: about.redirectUri,
      state: about.state,
      code_challenge: await calculatePKCECodeChallenge(about.verifier),
      code_challenge_method: 'S256',
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    })
    return url.href
  }

  exchange(
    party: Party,
    about: AuthorizationRequest,
    { code, iss }: OAuthCallback,
  ): Promise<TokenResponse> {
    const back = new URL(about.redirectUri)
    back.searchParams.set('state', about.state)
    if (code !== undefined) back.searchParams.set('code', code)
    // If the connector does not know the issuer name of its vendor, it cannot check it.
    if (iss !== undefined && party.scheme.issuer !== undefined) back.searchParams.set('iss', iss)
    return authorizationCodeGrant(this.#configuration(party), back, {
      pkceCodeVerifier: about.verifier,
      expectedState: about.state,
    })
  }

  refresh(party: Party, refreshToken: string): Promise<TokenResponse> {
    return refreshTokenGrant(this.#configuration(party), refreshToken)
  }

  #configuration({ scheme, client }: Party): Configuration {
    const server = {
      issuer: scheme.issuer ?? new URL(scheme.authorizeUrl).origin,
      authorization_endpoint: scheme.authorizeUrl,
      token_endpoint: scheme.tokenUrl,
    }
    const configuration = new Configuration(server, client.id, {}, authenticationOf(scheme, client))
    configuration.timeout = timeoutSeconds
    configuration[customFetch] = (url, { method, headers, body, signal }) =>
      this.#fetch.send(url, {
        method,
        headers,
        body: body instanceof URLSearchParams ? body.toString() : undefined,
        signal: signal ?? AbortSignal.timeout(timeoutSeconds * 1000),
      })
    // The fetch itself refuses addresses that are neither https nor on this machine.
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated to make it stand out only
    allowInsecureRequests(configuration)
    return configuration
  }
}

function authenticationOf({ clientAuthentication }: OAuth2Scheme, { secret }: OAuthClient) {
  if (secret === null) return None()
  return clientAuthentication === 'basic' ? ClientSecretBasic(secret) : ClientSecretPost(secret)
}
