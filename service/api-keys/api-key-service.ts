import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Principal } from '../platform/access/principal.ts'
import type { ApiKey, ApiKeyInput } from './schema.ts'
import type { ApiKeyService, ApiKeyStore, NewApiKey } from './contract.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import { newId } from '../platform/database/ids.ts'

/** The id of the entry, by which it is found, and 256 random bits, of which only the hash is stored. */
const keyPattern = /^(key_[0-9A-HJKMNP-TV-Z]{26})_([\w-]{43})$/
/** A use is noted once a minute at most: the note is a write. */
const notedForMs = 60_000

export class StoredApiKeyService implements ApiKeyService {
  readonly #store: ApiKeyStore
  readonly #now: () => number

  constructor(store: ApiKeyStore, now: () => number = Date.now) {
    this.#store = store
    this.#now = now
  }

  async create(input: ApiKeyInput): Promise<{ readonly apiKey: ApiKey; readonly key: string }> {
    const { entry, key } = newKey(input)
    return { apiKey: await this.#store.create(entry), key }
  }

  /**
   * Creates an admin key. Null if there already was a key: if several services start at once, only one gets
   * the first key.
   */
  async createFirst(
    name: string,
  ): Promise<{ readonly apiKey: ApiKey; readonly key: string } | null> {
    const { entry, key } = newKey({ name, kind: 'admin' })
    const apiKey = await this.#store.createFirst(entry)
    return apiKey === null ? null : { apiKey, key }
  }

  list(page: PageRequest): Promise<Page<ApiKey>> {
    return this.#store.list(page)
  }

  revoke(id: string): Promise<void> {
    return this.#store.revoke(id)
  }

  async authenticate(key: string): Promise<Principal | null> {
    const [, id, secret] = keyPattern.exec(key) ?? []
    if (id === undefined || secret === undefined) return null
    const stored = await this.#store.find(id)
    if (stored === null || !timingSafeEqual(stored.secretHash, hashOf(secret))) return null
    const { apiKey } = stored
    if (apiKey.revokedAt !== null || this.#hasExpired(apiKey)) return null
    const lastUsedMs = apiKey.lastUsedAt === null ? 0 : Date.parse(apiKey.lastUsedAt)
    if (this.#now() - lastUsedMs > notedForMs) await this.#store.touch(id)
    const { kind, name, scopes, expiresAt } = apiKey
    return { kind, id, name, via: 'api_key', scopes, expiresAt }
  }

  #hasExpired({ expiresAt }: ApiKey): boolean {
    return expiresAt !== null && Date.parse(expiresAt) <= this.#now()
  }
}

function newKey({ name, kind, scopes, expiresAt }: ApiKeyInput): {
  readonly entry: NewApiKey
  readonly key: string
} {
  const id = newId('key')
  const secret = randomBytes(32).toString('base64url')
  const entry = {
    id,
    name,
    kind,
    secretHash: hashOf(secret),
    scopes: scopes ?? null,
    expiresAt: expiresAt ?? null,
  }
  return { entry, key: `${id}_${secret}` }
}

/** The secret is random, so a fast hash is enough. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
