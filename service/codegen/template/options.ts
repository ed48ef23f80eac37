// ---------------------------------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------------------------------

/** Which service to use, and how to log in to it. */
export interface ClientOptions {
  /** `http://127.0.0.1:8007`, without `/connect/v1`. */
  readonly baseUrl: string
  readonly apiKey: string
  /** Used instead of the global fetch: for a proxy or a test. */
  readonly fetch?: typeof fetch | undefined
  /**
   * How often a repeatable request is repeated after a network failure or a response that says "later";
   * default 3.
   */
  readonly retries?: number | undefined
}

export interface CallOptions {
  /** If it is aborted, the call ends with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface CreateOptions extends CallOptions {
  /** The same request with the same key is executed once in 24 hours; default: a new key for each call. */
  readonly idempotencyKey?: string | undefined
}
