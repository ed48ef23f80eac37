import type { Authenticator, PrincipalKind, Scope } from '../access/principal.ts'
import type { Page, PageRequest } from './lists.ts'

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly kind: PrincipalKind
  readonly scopes: readonly Scope[] | null
  readonly createdAt: string
  readonly lastUsedAt: string | null
  /** Null: never. */
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}

export interface ApiKeyInput {
  readonly name: string
  readonly kind: PrincipalKind
  /** Absent: all that the kind may. */
  readonly scopes?: readonly Scope[]
  /** ISO 8601. Absent: it does not expire. */
  readonly expiresAt?: string
}

export interface ApiKeyService extends Authenticator {
  /** The key is shown once: only its hash is kept. */
  create(input: ApiKeyInput): Promise<{ readonly apiKey: ApiKey; readonly key: string }>
  list(page: PageRequest): Promise<Page<ApiKey>>
  revoke(id: string): Promise<void>
}
