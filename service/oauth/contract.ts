/** OAuth authorizations that wait for the browser. */
export interface AuthorizationStore {
  /** Stores the newest few of an instance. Throws `instance_not_found`. */
  create(input: PendingAuthorization & { readonly lifetimeMs: number }): Promise<void>
  /** Whether an authorization is pending for this state. Writes nothing. */
  isPending(stateHash: string): Promise<boolean>
  /** Removes it: a state can be used once. Null if it is unknown, used or expired. */
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
