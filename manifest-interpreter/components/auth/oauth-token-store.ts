import { abDatetimeParse } from '../../datetime/ab-datetime.ts'
import { str } from '../../value/text.ts'
import { copyDict } from '../transformations/copy-value.ts'
import { compileGlob, create, find } from '../transformations/dpath.ts'
import type { Environment } from '../../contracts.ts'
import type { PyDateTime } from '../../datetime/py-datetime.ts'
import type { Dict, Value } from '../../value/value.ts'

/** Where an access token and its expiry are kept between requests. */
export interface TokenStore {
  /** Null before the first one. */
  accessToken(): Value
  /** Undefined where a token is due at once. */
  expiry(): PyDateTime | undefined
  save(token: FreshToken): void
}

export interface FreshToken {
  readonly accessToken: Value
  readonly expiry: PyDateTime
  /** Null where the endpoint gave none: the old one stays. */
  readonly refreshToken: Value
}

/** Keeps the token for the life of the authenticator. */
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

  save({ accessToken, expiry }: FreshToken): void {
    this.#accessToken = accessToken
    this.#expiry = expiry
  }
}

/** Where the tokens stand in the configuration. */
export interface TokenPaths {
  readonly accessToken: readonly Value[]
  readonly refreshToken: readonly Value[]
  readonly expiry: readonly Value[]
}

/**
 * Keeps the tokens in the configuration, for refresh tokens that work once: all streams see the new ones at once, and the
 * caller is told the new configuration before the access token is used. If it is not kept, the next run cannot log in.
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

  save({ accessToken, expiry, refreshToken }: FreshToken): void {
    create(this.#config, this.#paths.accessToken, accessToken)
    if (refreshToken !== null) create(this.#config, this.#paths.refreshToken, refreshToken)
    create(this.#config, this.#paths.expiry, expiry.isoFormat())
    this.#environment.emit({ kind: 'config', config: copyDict(this.#config) })
  }

  /** What is missing reads as an empty text. */
  #read(path: readonly Value[]): Value {
    const value = find(this.#config, compileGlob(path))
    return value === undefined ? '' : value
  }
}
