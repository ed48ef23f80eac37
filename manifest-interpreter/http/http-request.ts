/** A request as it goes on the wire. */
export interface HttpRequest {
  readonly method: string
  /** Absolute, percent-encoded as Python's `requests` does it, with the query. */
  url: string
  /** Names as the manifest spells them. Later authentication may set more. */
  readonly headers: Map<string, string>
  body: string | Uint8Array | null
  readonly connectTimeoutMs?: number
  readonly readTimeoutMs?: number
  /**
   * The request fetches a token, or is an action: the request and its response are for its own origin only. A
   * redirect to another origin is refused.
   */
  readonly staysAtOrigin?: boolean
  /**
   * It changes something: a redirect that would send it with another method or without its body is refused.
   */
  readonly staysWhole?: boolean
}
