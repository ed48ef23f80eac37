import { ConnectError } from '../../../protocol/index.ts'
import type { Secrets } from '../secrets/secret-fields.ts'
import { instancePath, type PutOptions, type StoredSecrets, type Vault } from './vault.ts'

/**
 * The secrets of one instance in the vault. Errors name the instance as a person knows it: its path has the
 * id.
 */
export class InstanceSecrets {
  readonly path: string
  readonly #vault: Vault
  readonly #name: string

  constructor(vault: Vault, { id, name }: { readonly id: string; readonly name: string }) {
    this.path = instancePath(id)
    this.#vault = vault
    this.#name = name
  }

  get(): Promise<StoredSecrets | null> {
    return this.#named(() => this.#vault.get(this.path))
  }

  /** Version 0 and no secrets if there are none. */
  async getOrNone(): Promise<StoredSecrets> {
    return (await this.get()) ?? { secrets: {}, version: 0 }
  }

  put(secrets: Secrets, options: PutOptions): Promise<number> {
    return this.#named(() => this.#vault.put(this.path, secrets, options))
  }

  delete(): Promise<void> {
    return this.#named(() => this.#vault.delete(this.path))
  }

  async #named<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw error instanceof ConnectError ? this.#withName(error) : error
    }
  }

  #withName(error: ConnectError): ConnectError {
    const { code, details } = error
    const instance = this.#name
    const { path, operation } = details
    if (path === this.path) {
      const renew = `set all credentials of the instance again: \`reactor connect instances credentials ${instance}\``
      const named = { ...details, instance, place: `of instance ${instance}`, renew }
      return new ConnectError(code, { details: named, cause: error })
    }
    if (typeof operation !== 'string' || !operation.includes(this.path)) return error
    const named = { ...details, instance, operation: `${operation} (instance ${instance})` }
    return new ConnectError(code, { details: named, cause: error })
  }
}
