/** OAuth authorizations that wait for the browser. */
export interface AuthorizationStore {
  /** Of one instance the newest few are kept. Throws `instance_not_found`. */
  create(input: PendingAuthorization & { readonly lifetimeMs: number }): Promise<void>
  /** Whether one waits for this state. Writes nothing. */
  isPending(stateHash: string): Promise<boolean>
  /** Takes it away: a state works once. Null if it is unknown, used or expired. */
  take(stateHash: string): Promise<PendingAuthorization | null>
}

export interface PendingAuthorization {
  /** SHA-256 of the state, hex: the state itself is a secret. */
  readonly stateHash: string
  /** Name of the instance. */
  readonly instance: string
  readonly redirectUri: string
  /** The PKCE verifier and the like: a reference into the vault, or sealed by it. Never in clear. */
  readonly sealed: string
}
