import { abDatetimeParse } from '../../datetime/ab-datetime.ts'
import { str } from '../../value/text.ts'
import { copyDict } from '../transformations/copy-value.ts'
import { compileGlob, create, find } from '../transformations/dpath.ts'
import { equals } from '../../value/equality.ts'
import { RefreshTokenRejection } from './oauth-refresh-error.ts'
import type { Environment } from '../../contracts.ts'
import type { PyDateTime } from '../../value/py-datetime.ts'
import type { Dict, Value } from '../../value/value.ts'

/** Where an access token and its expiry are stored between requests. */
export interface TokenStore {
  /** Null before the first token. */
  accessToken(): Value
  /** Undefined if a token is due at once. */
  expiry(): PyDateTime | undefined
  /**
   * Replaces the token by the result of `request`, and stores it. Others that use the same refresh token wait
   * meanwhile. `isRenewed` is called first, with the token that they left: true if it is good enough.
   */
  renew(request: () => Promise<FreshToken>, isRenewed: () => boolean): Promise<void>
}

export interface FreshToken {
  readonly accessToken: Value
  readonly expiry: PyDateTime
  /** Null if the endpoint returned none: the old one stays. */
  readonly refreshToken: Value
}

/** Stores the token for the life of the authenticator. */
export class MemoryTokenStore implements TokenStore {
  #accessToken: Value
  #expiry: PyDateTime

  constructor(accessToken: Value, expiry: PyDateTime) {
    this.#accessToken = accessToken
    this.#expiry = expiry
  }

  accessToken(): Value {
    return this.#accessToken
  }

  expiry(): PyDateTime | undefined {
    return this.#accessToken === null ? undefined : this.#expiry
  }

  async renew(request: () => Promise<FreshToken>): Promise<void> {
    const { accessToken, expiry } = await request()
    this.#accessToken = accessToken
    this.#expiry = expiry
  }
}

/** The paths of the tokens in the configuration. */
export interface TokenPaths {
  readonly accessToken: readonly Value[]
  readonly refreshToken: readonly Value[]
  readonly expiry: readonly Value[]
}

/**
 * Stores the tokens in the configuration, for refresh tokens that work once. All streams see new tokens at
 * once, and the caller receives the new configuration before the access token is used. If the caller does not
 * store it, the next run cannot log in.
 */
export class ConfigTokenStore implements TokenStore {
  readonly #config: Dict
  readonly #paths: TokenPaths
  readonly #environment: Environment

  constructor(config: Dict, paths: TokenPaths, environment: Environment) {
    this.#config = config
    this.#paths = paths
    this.#environment = environment
  }

  accessToken(): Value {
    return this.#read(this.#paths.accessToken)
  }

  refreshToken(): Value {
    return this.#read(this.#paths.refreshToken)
  }

  expiry(): PyDateTime | undefined {
    const value = this.#read(this.#paths.expiry)
    return value === '' ? undefined : abDatetimeParse(str(value))
  }

  async renew(request: () => Promise<FreshToken>, isRenewed: () => boolean): Promise<void> {
    if (this.#environment.changeConfig !== undefined) {
      await this.#renewAlone(request, isRenewed)
      return
    }
    this.#put(this.#config, await request())
    this.#environment.emit({ kind: 'config', config: copyDict(this.#config) })
  }

  async #renewAlone(request: () => Promise<FreshToken>, isRenewed: () => boolean): Promise<void> {
    for (;;) {
      let tried: Value = null
      try {
        await this.#change(async (config) => {
          if (isRenewed()) return null
          tried = this.refreshToken()
          this.#put(config, await request())
          return config
        })
        return
      } catch (error) {
        if (!(error instanceof RefreshTokenRejection)) throw error
        // Somebody may have stored another token there: a process that lost its turn, or a user who
        // authorized again.
        await this.#change(() => Promise.resolve(null))
        if (equals(this.refreshToken(), tried)) throw error
      }
    }
  }

  /** The tokens are the stored ones: before `change`, and when it resolves. */
  async #change(change: (config: Dict) => Promise<Dict | null>): Promise<void> {
    const config = await this.#environment.changeConfig?.((before) => {
      this.#take(before)
      return change(before)
    })
    if (config !== undefined) this.#take(config)
  }

  #take(config: Dict): void {
    const { accessToken, refreshToken, expiry } = this.#paths
    for (const path of [accessToken, refreshToken, expiry]) {
      const value = find(config, compileGlob(path))
      if (value !== undefined) create(this.#config, path, value)
    }
  }

  #put(config: Dict, { accessToken, expiry, refreshToken }: FreshToken): void {
    create(config, this.#paths.accessToken, accessToken)
    if (refreshToken !== null) create(config, this.#paths.refreshToken, refreshToken)
    create(config, this.#paths.expiry, expiry.isoFormat())
  }

  /** A missing value reads as an empty text. */
  #read(path: readonly Value[]): Value {
    const value = find(this.#config, compileGlob(path))
    return value === undefined ? '' : value
  }
}
