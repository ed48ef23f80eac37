import { StoredKey } from '../platform/vault/stored-key.ts'
import { seal, unseal } from '../platform/vault/sealed-secrets.ts'
import type { Vault } from '../platform/vault/vault.ts'

/**
 * Encrypts the PKCE verifier of an authorization, which waits in the metadata database, with a key from the
 * vault: access to the database, or to the browser's address bar, does not reveal the verifier.
 */
export class VerifierSeal {
  readonly #key: StoredKey

  constructor(vault: Vault) {
    this.#key = new StoredKey(vault, 'oauth/sealing-key')
  }

  async seal(stateHash: string, verifier: string): Promise<string> {
    const plain = { name: stateHash, version: 1, text: verifier }
    return seal(plain, await this.#key.get()).toString('base64')
  }

  /** Undefined if it was sealed with another key: the vault was emptied in the meantime. */
  async open(stateHash: string, sealed: string): Promise<string | undefined> {
    return unseal(Buffer.from(sealed, 'base64'), stateHash, await this.#key.get())?.text
  }
}
