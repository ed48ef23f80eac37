import type { Authenticator } from '../platform/access/principal.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { ApiKey, ApiKeyInput } from './schema.ts'

export interface ApiKeyService extends Authenticator {
  /** The key is shown once: only its hash is stored. */
  create(input: ApiKeyInput): Promise<{ readonly apiKey: ApiKey; readonly key: string }>
  list(page: PageRequest): Promise<Page<ApiKey>>
  revoke(id: string): Promise<void>
}

export interface ApiKeyStore {
  create(input: NewApiKey): Promise<ApiKey>
  /** Null if a first key was ever made: if several services start at once, only one gets it. */
  createFirst(input: NewApiKey): Promise<ApiKey | null>
  /** Newest first (`newId` makes ids that sort by time). */
  list(page: PageRequest): Promise<Page<ApiKey>>
  /** Throws `api_key_not_found`. Revoking again changes nothing. */
  revoke(id: string): Promise<void>
  find(id: string): Promise<FoundKey | null>
  /** Notes a use; once a minute at most is enough. */
  touch(id: string): Promise<void>
}

export interface NewApiKey {
  readonly id: string
  readonly name: string
  readonly kind: ApiKey['kind']
  readonly scopes: ApiKey['scopes']
  readonly expiresAt: string | null
  readonly secretHash: Buffer
}

export interface FoundKey {
  readonly apiKey: ApiKey
  readonly secretHash: Buffer
}
