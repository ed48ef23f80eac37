/** The kinds of principals in policies, strongest first. */
export const principalKinds = ['admin', 'operator', 'viewer', 'agent'] as const
export type PrincipalKind = (typeof principalKinds)[number]

/** The caller of a request, once its token has been verified. */
export interface Principal {
  readonly kind: PrincipalKind
  /** Stable and unique: `key_…` for an API key; another prefix for a user. Never a secret. */
  readonly id: string
  /** For people, in logs and lists; need not be unique. */
  readonly name: string
  readonly via: 'api_key' | 'jwt'
  /** A limit of its rights, as `actions` and patterns of names; null: all rights of its kind. */
  readonly scopes: readonly Scope[] | null
  /** When its API key expires, ISO 8601: what it creates does not outlive it. */
  readonly expiresAt?: string | null
}

/** A part of the rights of the kind. */
export interface Scope {
  /** `connections:read`, `connections:*` or `*`. */
  readonly action: string
  /** The names that it is for, with `*` for any characters; null: all. */
  readonly names: readonly string[] | null
}

/** One way to find the principal of a bearer token. */
export interface Authenticator {
  /**
   * Null for a token that is unknown, revoked, expired, or of another kind. Throws only if it cannot decide,
   * because a dependency (database, key set) cannot be reached, and `role_missing` for a valid token without
   * a role. Must compare secrets in constant time.
   */
  authenticate(token: string): Promise<Principal | null>
}
