import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { calculateJwkThumbprint, createLocalJWKSet, type JWK, type JWTVerifyGetKey } from 'jose'
import { ConnectError } from '../../protocol/index.ts'
import type { Vault } from '../platform/vault/vault.ts'

const path = 'identity/signing-key'

/** The key pair that logins are signed with (Ed25519). */
export interface SigningKeyPair {
  readonly privateKey: KeyObject
  /** Has `kid`, `alg` and `use`, as in the key set. */
  readonly publicJwk: JWK & { readonly kty: string; readonly kid: string }
  /** Finds the public key for tokens that name it, which is imported once. */
  readonly keyOf: JWTVerifyGetKey
  /** A secret for another purpose, which reveals nothing about the key. */
  secretFor(purpose: string): Buffer
}

/**
 * The service's own key for logins, in the vault: created on first use, the same for all processes that share
 * the vault. Deleting it there, and restarting the processes, ends all logins.
 */
export class SigningKey {
  readonly #vault: Vault
  #pair: Promise<SigningKeyPair> | undefined

  constructor(vault: Vault) {
    this.#vault = vault
  }

  /** Throws what the vault throws. */
  pair(): Promise<SigningKeyPair> {
    this.#pair ??= this.#readPair().catch((error: unknown) => {
      this.#pair = undefined
      throw error
    })
    return this.#pair
  }

  async #readPair(): Promise<SigningKeyPair> {
    const stored = await this.#findPair()
    if (stored !== undefined) return stored
    const { privateKey } = generateKeyPairSync('ed25519')
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
    try {
      await this.#vault.put(path, { pkcs8 }, { ifVersion: 0 })
      return await pairOf(privateKey)
    } catch (error) {
      // Another process made one at the same time.
      const isConflict = error instanceof ConnectError && error.code === 'vault_conflict'
      const theirs = isConflict ? await this.#findPair() : undefined
      if (theirs === undefined) throw error
      return theirs
    }
  }

  async #findPair(): Promise<SigningKeyPair | undefined> {
    const stored = await this.#vault.get(path)
    const pkcs8 = stored?.secrets.pkcs8
    if (typeof pkcs8 !== 'string') return undefined
    const key = Buffer.from(pkcs8, 'base64')
    return pairOf(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  }
}

async function pairOf(privateKey: KeyObject): Promise<SigningKeyPair> {
  const { kty, crv, x } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (kty === undefined || crv === undefined || x === undefined)
    throw new TypeError('the key of the vault is not an Ed25519 key')
  const kid = await calculateJwkThumbprint({ kty, crv, x })
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' })
  const publicJwk = { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' }
  return {
    privateKey,
    publicJwk,
    keyOf: createLocalJWKSet({ keys: [publicJwk] }),
    secretFor: (purpose) => createHmac('sha256', seed).update(purpose).digest(),
  }
}
