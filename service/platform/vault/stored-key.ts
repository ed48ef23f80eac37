import { ConnectError } from '../../../protocol/index.ts'
import { newVaultKey, parseVaultKey, type VaultKey } from './sealed-secrets.ts'
import type { Vault } from './vault.ts'

/**
 * A key of the service, which is generated on first use and stored in the vault: all processes have the same
 * one.
 */
export class StoredKey {
  readonly #vault: Vault
  readonly #path: string
  #key: Promise<VaultKey> | undefined

  constructor(vault: Vault, path: string) {
    this.#vault = vault
    this.#path = path
  }

  /** Throws what the vault throws. */
  get(): Promise<VaultKey> {
    this.#key ??= this.#read().catch((error: unknown) => {
      this.#key = undefined
      throw error
    })
    return this.#key
  }

  async #read(): Promise<VaultKey> {
    const stored = await this.#find()
    if (stored !== undefined) return stored
    const made = newVaultKey()
    try {
      await this.#vault.put(this.#path, { key: made.bytes.toString('base64') }, { ifVersion: 0 })
      return made
    } catch (error) {
      // Another process generated one at the same time.
      const theirs = isConflict(error) ? await this.#find() : undefined
      if (theirs === undefined) throw error
      return theirs
    }
  }

  async #find(): Promise<VaultKey | undefined> {
    const stored = await this.#vault.get(this.#path)
    const text = stored?.secrets.key
    return typeof text === 'string' ? parseVaultKey(text) : undefined
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof ConnectError && error.code === 'vault_conflict'
}
