import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { canonicalJson } from '../../lib/text/canonical-json.ts'
import { StoredKey } from '../platform/vault/stored-key.ts'
import type { Vault } from '../platform/vault/vault.ts'
import type { PromotionBinding } from './promotion-binding.ts'

/** The contents of a token, not yet verified. */
export interface ReadToken {
  readonly sandbox: string
  readonly nonce: string
  readonly signature: Buffer
}

/** The sandbox and the facts that a token is issued for. */
export interface TokenSubject {
  readonly sandbox: string
  /** ISO 8601: covered by the signature. */
  readonly expiresAt: string
  readonly binding: PromotionBinding
}

/** `rpt.01J…(ULID of the sandbox).nonce.signature`, the latter two 32 bytes each in base64url. */
const shape = /^rpt\.([0-9A-HJKMNP-TV-Z]{26})\.([\w-]{43})\.([\w-]{43})$/

/**
 * Promote tokens: an HMAC-SHA-256, with a key from the vault, over the sandbox and all that it is bound to.
 * So write access to the metadata database without the key is not enough to make a token, or to change what
 * one is bound to.
 */
export class PromoteTokens {
  readonly #key: StoredKey

  constructor(vault: Vault) {
    this.#key = new StoredKey(vault, 'sandbox/promote-key')
  }

  async issue(subject: TokenSubject): Promise<string> {
    const nonce = randomBytes(32).toString('base64url')
    const signature = await this.#signature(subject, nonce)
    const ulid = subject.sandbox.replace(/^sbx_/, '')
    return `rpt.${ulid}.${nonce}.${signature.toString('base64url')}`
  }

  /** True if the service signed the token for exactly this state. Compares the signature in constant time. */
  async isSigned({ nonce, signature }: ReadToken, subject: TokenSubject): Promise<boolean> {
    return timingSafeEqual(await this.#signature(subject, nonce), signature)
  }

  async #signature({ sandbox, expiresAt, binding }: TokenSubject, nonce: string): Promise<Buffer> {
    const { bytes } = await this.#key.get()
    const about = [sandbox, nonce, expiresAt]
    // The whole binding, whatever a later version adds to it: this one still knows that the token is genuine.
    const signed =
      binding.format === undefined
        ? ['reactor-connect promote 1', ...about, ...unnumbered(binding)]
        : ['reactor-connect promote 2', ...about, canonicalJson(binding)]
    return createHmac('sha256', bytes).update(JSON.stringify(signed)).digest()
  }
}

/** As versions signed it whose bindings had no number. */
function unnumbered(binding: PromotionBinding): readonly unknown[] {
  return [
    ...[binding.connectionId, binding.connectionVersion, binding.lastRun],
    ...[binding.instanceHash, binding.catalogHash, binding.destinationFingerprint],
    binding.principal,
  ]
}

/** Undefined if the text cannot be a token. */
export function readToken(token: string): ReadToken | undefined {
  const [, ulid, nonce, signature] = shape.exec(token) ?? []
  if (ulid === undefined || nonce === undefined || signature === undefined) return undefined
  return { sandbox: `sbx_${ulid}`, nonce, signature: Buffer.from(signature, 'base64url') }
}

/** The only part of a token that is stored. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Constant time. */
export function isTokenOf(token: string, hash: Buffer): boolean {
  return timingSafeEqual(tokenHash(token), hash)
}
