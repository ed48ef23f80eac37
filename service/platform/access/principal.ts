/** Who asks: the kinds that the policy tells apart, the strongest first. */
export const principalKinds = ['admin', 'operator', 'viewer', 'agent'] as const
export type PrincipalKind = (typeof principalKinds)[number]

/** Whoever a request comes from, once its token has been checked. */
export interface Principal {
  readonly kind: PrincipalKind
  /** Stable, and no other principal's: `key_…` of an API key; of a user, one that begins otherwise. Never a secret. */
  readonly id: string
  /** For people, in logs and lists; need not be unique. */
  readonly name: string
  readonly via: 'api_key' | 'jwt'
  /** What it may do at most, as `actions` and patterns of names; null: all that its kind may. */
  readonly scopes: readonly Scope[] | null
  /** Of an API key that expires, ISO 8601: what it makes does not outlive it. */
  readonly expiresAt?: string | null
}

/** A part of what the kind may. */
export interface Scope {
  /** `connections:read`, `connections:*` or `*`. */
  readonly action: string
  /** Which names it is for, `*` standing for any characters; null: all. */
  readonly names: readonly string[] | null
}

/** One way to tell who a bearer token stands for. */
export interface Authenticator {
  /**
   * Null for a token that is unknown, revoked, expired, or none of its kind. Throws only if it cannot be told, because what
   * it needs (database, key set) cannot be reached, and `role_missing` for a token that holds but gives no kind. Must compare secrets in constant time.
   */
  authenticate(token: string): Promise<Principal | null>
}
