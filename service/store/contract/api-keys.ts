import type { ApiKey } from '../../contract/api-keys.ts'
import type { Page, PageRequest } from '../../contract/lists.ts'

export interface ApiKeyStore {
  create(input: NewApiKey): Promise<ApiKey>
  /** Null where a first key was ever made: of several services that start at once, one gets it. */
  createFirst(input: NewApiKey): Promise<ApiKey | null>
  /** The newest first (ids are those of `newId`, which sort by time). */
  list(page: PageRequest): Promise<Page<ApiKey>>
  /** Throws `api_key_not_found`. Revoking again changes nothing. */
  revoke(id: string): Promise<void>
  find(id: string): Promise<{ readonly apiKey: ApiKey; readonly secretHash: Buffer } | null>
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
