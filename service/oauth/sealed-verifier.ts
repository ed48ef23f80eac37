import { ConnectError } from '../../protocol/index.ts'
import { newVaultKey, parseVaultKey, seal, unseal, type VaultKey } from '../vault/sealed-secrets.ts'
import type { Vault } from '../vault/vault.ts'

const PATH = 'oauth/sealing-key'

/**
 * Seals the PKCE verifier of an authorization, which waits in the metadata database, with a key from the vault: who has the
 * database, or the browser's address bar, has not the verifier.
 */
export class VerifierSeal {
  readonly #vault: Vault
  #key: Promise<VaultKey> | undefined

  constructor(vault: Vault) {
    this.#vault = vault
  }

  async seal(stateHash: string, verifier: string): Promise<string> {
    return seal({ name: stateHash, version: 1, text: verifier }, await this.#ownKey()).toString(
      'base64',
    )
  }

  /** Undefined where it was sealed with another key: the vault was emptied in the meantime. */
  async open(stateHash: string, sealed: string): Promise<string | undefined> {
    return unseal(Buffer.from(sealed, 'base64'), stateHash, await this.#ownKey())?.text
  }

  #ownKey(): Promise<VaultKey> {
    this.#key ??= this.#readKey().catch((error: unknown) => {
      this.#key = undefined
      throw error
    })
    return this.#key
  }

  async #readKey(): Promise<VaultKey> {
    const kept = await this.#keptKey()
    if (kept !== undefined) return kept
    const made = newVaultKey()
    try {
      await this.#vault.put(PATH, { key: made.bytes.toString('base64') }, { ifVersion: 0 })
      return made
    } catch (error) {
      // Another process made one at the same time.
      const theirs = isConflict(error) ? await this.#keptKey() : undefined
      if (theirs === undefined) throw error
      return theirs
    }
  }

  async #keptKey(): Promise<VaultKey | undefined> {
    const kept = await this.#vault.get(PATH)
    const text = kept?.secrets.key
    return typeof text === 'string' ? parseVaultKey(text) : undefined
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof ConnectError && error.code === 'vault_conflict'
}
