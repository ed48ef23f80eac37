import { createHmac } from 'node:crypto'
import { canonicalJson } from '../../lib/text/canonical-json.ts'
import type { JsonValue } from '../../protocol/index.ts'
import type { StoredKey } from '../platform/vault/stored-key.ts'

/** HMAC-SHA-256 with a key of the vault: nobody without the vault can find the value by trying. */
export class KeyedHash {
  readonly #key: StoredKey

  constructor(key: StoredKey) {
    this.#key = key
  }

  /** In hex. */
  async of(value: JsonValue): Promise<string> {
    const { secret } = await this.#key.get()
    return createHmac('sha256', secret).update(canonicalJson(value)).digest('hex')
  }
}
