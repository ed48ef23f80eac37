import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { ConnectError } from '../../protocol/index.ts'
import { StoredKey } from '../platform/vault/stored-key.ts'
import type { Vault } from '../platform/vault/vault.ts'

/**
 * The call that a token allows: the same principal may send the same input to the same action, as long as the
 * instance has not changed.
 */
export interface DryRunSubject {
  readonly principal: string
  readonly instanceId: string
  readonly instanceVersion: number
  readonly action: string
  readonly inputHash: string
}

export interface VerifiedToken {
  readonly nonce: string
  readonly expiresAt: Date
}

/** `rdt.EXPIRY.NONCE.SIGNATURE`: milliseconds since 1970 in base 36, 16 and 32 bytes in base64url. */
const shape = /^rdt\.([0-9a-z]{8,10})\.([\w-]{22})\.([\w-]{43})$/
const lifetimeMs = 15 * 60_000

/**
 * The tokens of dry-runs: an HMAC-SHA-256 over all that they are bound to, with a key from the vault. Nothing
 * of them is stored.
 */
export class DryRunTokens {
  readonly #key: StoredKey
  readonly #now: () => number

  constructor(vault: Vault, now: () => number) {
    this.#key = new StoredKey(vault, 'actions/dry-run-key')
    this.#now = now
  }

  async issue(subject: DryRunSubject): Promise<VerifiedToken & { readonly token: string }> {
    const expiresMs = this.#now() + lifetimeMs
    const nonce = randomBytes(16).toString('base64url')
    const signature = await this.#sign(subject, { expiresMs, nonce })
    const token = `rdt.${expiresMs.toString(36)}.${nonce}.${signature.toString('base64url')}`
    return { token, nonce, expiresAt: new Date(expiresMs) }
  }

  /** Throws `dry_run_token_invalid`, `dry_run_token_expired`. */
  async verify(token: string, subject: DryRunSubject): Promise<VerifiedToken> {
    const details = { action: subject.action }
    const [, expiry, nonce, signature] = shape.exec(token) ?? []
    if (expiry === undefined || nonce === undefined || signature === undefined)
      throw new ConnectError('dry_run_token_invalid', { details })
    const expiresMs = Number.parseInt(expiry, 36)
    const expected = await this.#sign(subject, { expiresMs, nonce })
    if (!timingSafeEqual(expected, Buffer.from(signature, 'base64url')))
      throw new ConnectError('dry_run_token_invalid', { details })
    if (this.#now() > expiresMs) throw new ConnectError('dry_run_token_expired', { details })
    return { nonce, expiresAt: new Date(expiresMs) }
  }

  async #sign(
    subject: DryRunSubject,
    { expiresMs, nonce }: { readonly expiresMs: number; readonly nonce: string },
  ): Promise<Buffer> {
    const { bytes } = await this.#key.get()
    const { principal, instanceId, instanceVersion, action, inputHash } = subject
    const about = [principal, instanceId, instanceVersion, action, inputHash]
    return createHmac('sha256', bytes)
      .update(JSON.stringify(['reactor-connect dry-run 1', nonce, expiresMs, ...about]))
      .digest()
  }
}
