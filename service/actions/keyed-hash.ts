import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { canonicalJson } from '../../lib/text/canonical-json.ts'
import type { JsonValue } from '../../protocol/index.ts'
import type { StoredKey } from '../platform/vault/stored-key.ts'

/** HMAC-SHA-256 with a key of the vault: nobody without the vault can find the value by trying. */
export class KeyedHash {
  readonly #key: StoredKey
  /** Made once: it takes longer than a hash. */
  #secret: KeyObject | undefined

  constructor(key: StoredKey) {
    this.#key = key
  }

  /** In hex. */
  async of(value: JsonValue): Promise<string> {
    this.#secret ??= createSecretKey((await this.#key.get()).bytes)
    return createHmac('sha256', this.#secret).update(canonicalJson(value)).digest('hex')
  }
}
