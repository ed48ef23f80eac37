import { SecretIndex } from './secret-index.ts'

/**
 * Secrets of which new ones come for ever: the last ones are known, at least `most` of them and at most twice
 * as many. One more costs as much as it is long, however many there were before.
 */
export class RecentSecrets {
  readonly #most: number
  readonly #add: (index: SecretIndex, secret: string) => void
  #newer = new Generation()
  #older = new Generation()

  /** @param add puts a secret into an index, with what else is secret in it */
  constructor(most: number, add: (index: SecretIndex, secret: string) => void) {
    this.#most = most
    this.#add = add
  }

  has(secret: string): boolean {
    return this.#newer.secrets.has(secret) || this.#older.secrets.has(secret)
  }

  /** One that is known already becomes one of the last again. */
  add(secret: string): void {
    if (this.#newer.secrets.has(secret)) return
    if (this.#newer.secrets.size >= this.#most) {
      this.#older = this.#newer
      this.#newer = new Generation()
    }
    this.#newer.secrets.add(secret)
    this.#add(this.#newer.index, secret)
  }

  get indexes(): readonly SecretIndex[] {
    return [this.#newer.index, this.#older.index]
  }
}

class Generation {
  readonly secrets = new Set<string>()
  readonly index = new SecretIndex()
}
