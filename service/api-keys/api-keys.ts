import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ApiKey, ApiKeyService, Page, PageRequest } from '../service.ts'
import { newId } from '../store/ids.ts'
import type { ApiKeyStore, NewApiKey } from '../store/store.ts'

/** The id of the entry, by which it is found, and 256 random bits, of which only the hash is kept. */
const keyPattern = /^(key_[0-9A-HJKMNP-TV-Z]{26})_([\w-]{43})$/
/** A use is noted once a minute at most: the note is a write. */
const NOTED_FOR_MS = 60_000

export class ApiKeys implements ApiKeyService {
  readonly #store: ApiKeyStore
  readonly #now: () => number

  constructor(store: ApiKeyStore, now: () => number = Date.now) {
    this.#store = store
    this.#now = now
  }

  async create(name: string): Promise<{ readonly apiKey: ApiKey; readonly key: string }> {
    const { entry, key } = newKey(name)
    return { apiKey: await this.#store.create(entry), key }
  }

  /** Null where there was a key before: of several services that start at once, one gets the first. */
  async createFirst(
    name: string,
  ): Promise<{ readonly apiKey: ApiKey; readonly key: string } | null> {
    const { entry, key } = newKey(name)
    const apiKey = await this.#store.createFirst(entry)
    return apiKey === null ? null : { apiKey, key }
  }

  list(page: PageRequest): Promise<Page<ApiKey>> {
    return this.#store.list(page)
  }

  revoke(id: string): Promise<void> {
    return this.#store.revoke(id)
  }

  async authenticate(key: string): Promise<ApiKey | null> {
    const [, id, secret] = keyPattern.exec(key) ?? []
    if (id === undefined || secret === undefined) return null
    const found = await this.#store.find(id)
    if (found === null || !timingSafeEqual(found.secretHash, hashOf(secret))) return null
    const { apiKey } = found
    if (apiKey.revokedAt !== null) return null
    const lastUsedMs = apiKey.lastUsedAt === null ? 0 : Date.parse(apiKey.lastUsedAt)
    if (this.#now() - lastUsedMs > NOTED_FOR_MS) await this.#store.touch(id)
    return apiKey
  }
}

function newKey(name: string): { readonly entry: NewApiKey; readonly key: string } {
  const id = newId('key')
  const secret = randomBytes(32).toString('base64url')
  return { entry: { id, name, secretHash: hashOf(secret) }, key: `${id}_${secret}` }
}

/** The secret is random, so a fast hash is enough. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
