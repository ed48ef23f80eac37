import { SourceError } from '../../contracts.ts'
import { PyDateTime } from '../../value/py-datetime.ts'
import { get, isDict } from '../../value/dict.ts'
import { PythonError, valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { headerAuthenticator } from './authentication.ts'
import { Mutex } from '../../../lib/async/slots.ts'
import { oauthSettings, type OAuthSettings } from './oauth-settings.ts'
import { buildTokenRequest } from './oauth-token-form.ts'
import { RefreshTokenRejection } from './oauth-refresh-error.ts'
import {
  isNetworkError,
  requestSingleUse,
  requestToken,
  TokenRequestError,
  untilItPasses,
} from './oauth-token-request.ts'
import { expiryOf, findInResponse, plusSeconds } from './oauth-token-response.ts'
import { SharedPerEnvironment } from './shared-per-environment.ts'
import type { Builder } from '../../component.ts'
import type { Authenticator, Environment } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'
import type { FreshToken } from './oauth-token-store.ts'

/**
 * One token request at a time in a run: authenticators of several streams share a refresh token, which may be
 * worth nothing after its first use.
 */
const refreshing = new SharedPerEnvironment(() => new Mutex())

/** OAuthAuthenticator: an access token that is renewed when it has expired. */
export function oauthAuthenticator(definition: PlainDict, builder: Builder): Authenticator {
  const oauth = new OAuth(oauthSettings(definition, builder), builder.environment)
  return {
    ...headerAuthenticator(async () => [
      'Authorization',
      `Bearer ${str(await oauth.accessToken())}`,
    ]),
    refresh: () => oauth.forceRefresh(),
  }
}

const DEFAULT_LIFETIME_SECONDS = 3600

class OAuth {
  readonly #settings: OAuthSettings
  readonly #environment: Environment

  constructor(settings: OAuthSettings, environment: Environment) {
    this.#settings = settings
    this.#environment = environment
  }

  /** The access token, renewed if it has expired. */
  async accessToken(): Promise<Value> {
    const { store } = this.#settings
    // Without an endpoint the access token of the configuration is all there is.
    if (this.#settings.endpoint() === null) return this.#givenToken()
    if (this.#hasExpired())
      await refreshing.stateOf(this.#environment).run(async () => {
        if (this.#hasExpired()) await this.#refresh(() => !this.#hasExpired())
      })
    return store.accessToken()
  }

  /** Renews the token although it has not expired, unless someone else did so in the meantime. */
  async forceRefresh(): Promise<void> {
    const { store } = this.#settings
    const before = store.accessToken()
    await refreshing.stateOf(this.#environment).run(async () => {
      const isRenewed = () => store.accessToken() !== before
      if (isRenewed()) return
      try {
        await this.#refresh(isRenewed)
      } catch (error) {
        throw error instanceof TokenRequestError && error.isRejection ? refused(error) : error
      }
    })
  }

  #givenToken(): Value {
    const token = this.#settings.store.accessToken()
    if (token === null) throw valueError('access_token is not set')
    return token
  }

  #now(): PyDateTime {
    return PyDateTime.ofEpochMicros(BigInt(this.#environment.nowMicros()))
  }

  #hasExpired(): boolean {
    const expiry = this.#settings.store.expiry()
    return expiry === undefined || this.#now().epochMicros > expiry.epochMicros
  }

  async #refresh(isRenewed: () => boolean): Promise<void> {
    const { isSingleUse, store } = this.#settings
    try {
      await untilItPasses(this.#environment, () => store.renew(() => this.#request(), isRenewed))
    } catch (error) {
      if (error instanceof RefreshTokenRejection)
        this.#environment.emit({ kind: 'authorization-lost', error })
      throw !isSingleUse && isNetworkError(error) ? unreachable(error) : error
    }
  }

  /** The request is made again for each attempt: an assertion in it may be short-lived. */
  async #request(): Promise<FreshToken> {
    const { isSingleUse, rules } = this.#settings
    const request = await buildTokenRequest(this.#settings)
    const send = isSingleUse ? requestSingleUse : requestToken
    const answer = await send(this.#environment, request, rules)
    this.#tellTokens(answer)
    this.#environment.loginResponded?.(answer)
    return isSingleUse ? this.#readSingleUse(answer) : this.#read(answer)
  }

  /** Also a refresh token that is not used. */
  #tellTokens(answer: Value): void {
    if (!isDict(answer)) return
    const { accessTokenName, refreshTokenName } = this.#settings
    for (const name of [accessTokenName(), refreshTokenName()]) {
      const token = get(answer, name)
      if (typeof token === 'string') this.#environment.secretFound?.(token)
    }
  }

  #read(answer: Value): FreshToken {
    const name = this.#settings.accessTokenName()
    const accessToken = findInResponse(answer, name)
    if (!truth(accessToken))
      throw new PythonError(
        'RuntimeError',
        `Token refresh API response was missing access token ${str(name)}`,
      )
    return { accessToken, expiry: this.#expiryIn(answer), refreshToken: null }
  }

  /** Like the reference, which does not validate this response. */
  #readSingleUse(answer: Value): FreshToken {
    const { accessTokenName, refreshTokenName } = this.#settings
    return {
      accessToken: findInResponse(answer, accessTokenName()),
      expiry: this.#expiryIn(answer),
      refreshToken: findInResponse(answer, refreshTokenName()),
    }
  }

  #expiryIn(answer: Value): PyDateTime {
    const { expiresInName, expiryKind, store } = this.#settings
    const expiresIn = findInResponse(answer, expiresInName())
    const now = this.#now()
    if (expiresIn !== null) return expiryOf(expiresIn, expiryKind, now)
    const known = this.#hasExpired() ? undefined : store.expiry()
    return known ?? plusSeconds(now, DEFAULT_LIFETIME_SECONDS)
  }
}

function unreachable(cause: Error): SourceError {
  return new SourceError('OAuth access token refresh request failed due to a network error.', {
    failureType: 'transient_error',
    internalMessage: `Network error during OAuth token refresh after retries were exhausted: ${cause.message}`,
    cause,
  })
}

function refused(cause: TokenRequestError): SourceError {
  return new SourceError('OAuth token refresh request is rejected by the token endpoint.', {
    failureType: 'config_error',
    internalMessage: cause.message,
    cause,
  })
}
