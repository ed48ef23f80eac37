// ---------------------------------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------------------------------

/** Which service is asked, and as whom. */
export interface ClientOptions {
  /** `http://127.0.0.1:8007`, without `/connect/v1`. */
  readonly baseUrl: string
  readonly apiKey: string
  /** Asks instead of the global fetch: a proxy, a test. */
  readonly fetch?: typeof fetch | undefined
  /** How often a request is repeated that can be, after a network failure or an answer that says "later"; default 3. */
  readonly retries?: number | undefined
}

export interface CallOptions {
  /** Aborted, it ends the call with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface CreateOptions extends CallOptions {
  /** The same request under the same key is done once in 24 hours; default: a new key for each call. */
  readonly idempotencyKey?: string | undefined
}
