import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import type { JsonObject } from '../../protocol/index.ts'

/**
 * OAuth2 for instances (authorization code with PKCE, refresh): read this first. Tokens are written to the
 * instance's secrets in the vault, at the places of the configuration where the connector looks for them, so
 * a token is a secret field like any other.
 */
export interface OAuth {
  /**
   * Where to send the user's browser. The pending authorization is durable when it resolves, for 10 minutes;
   * `redirectUri` is the service's callback or a loopback address of the command line. Throws
   * `oauth_not_supported` (the connector has no OAuth), `oauth_client_missing`, `oauth_redirect_invalid`.
   */
  begin(
    instance: OAuthInstance,
    redirectUri: string,
  ): Promise<{ readonly authorizeUrl: string; readonly state: string }>
  /** Whether an authorization with this state is pending. Writes nothing. */
  isPending(state: string): Promise<boolean>
  /**
   * Exchanges the code that the browser brought back. When it resolves, the tokens are durable in the vault;
   * the caller then notes the secrets (`pointers`) and that the instance is `ready`.
   * Throws `oauth_state_invalid` (unknown, used or older than 10 minutes), `oauth_denied`,
   * `oauth_exchange_failed`.
   */
  complete(callback: OAuthCallback): Promise<Authorized>
  /**
   * The secrets of the instance, with an access token that is valid for at least a few minutes: it is
   * refreshed first if necessary. Only one refresh goes to the server at a time, in all processes. Without
   * OAuth, the secrets do not change. Throws `reauthorization_required` if the server refused the refresh for
   * good (the caller then notes `reauthorize`), `oauth_refresh_failed` for what may pass.
   */
  freshSecrets(instance: OAuthInstance): Promise<JsonObject>
}

/** The data of an instance that OAuth needs. */
export interface OAuthInstance {
  readonly id: string
  readonly name: string
  /** Without its secrets. */
  readonly config: JsonObject
  readonly descriptor: ConnectorDescriptor
}

/** The query parameters that the browser brought back. */
export interface OAuthCallback {
  readonly state: string
  readonly code?: string
  readonly error?: string
  /** The issuer (RFC 9207): checked if it is given. */
  readonly iss?: string
}

export interface Authorized {
  /** The instance's name. */
  readonly instance: string
  /** The secret fields that are set now, sorted. */
  readonly pointers: readonly string[]
}

/** The client that is registered with the vendor. */
export interface OAuthClient {
  readonly id: string
  readonly secret: string | null
}
