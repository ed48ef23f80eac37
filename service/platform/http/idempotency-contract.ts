import type { JsonValue } from '../../../protocol/index.ts'

/** Responses of requests with an `Idempotency-Key`, kept for a day. */
export interface IdempotencyStore {
  /**
   * `began`: do the request, then `finish` or `abandon` with the ticket. `done`: answer this. Throws `idempotency_key_reused`
   * for another request under the same key, `idempotency_key_in_use` while the first goes on (for at most a minute: then its
   * process is taken for dead).
   */
  begin(request: IdempotentRequest): Promise<IdempotencyStart>
  /** Keeps the response. Never one that holds a secret. */
  finish(ticket: string, answer: StoredAnswer): Promise<void>
  /** The request changed nothing: the key may be used again. */
  abandon(ticket: string): Promise<void>
}

export interface IdempotentRequest {
  /** Who asks (id of the principal): keys of different principals never meet. */
  readonly principal: string
  readonly key: string
  /** Hash of method, path and body. */
  readonly requestHash: string
}

export type IdempotencyStart =
  | { readonly state: 'began'; readonly ticket: string }
  | { readonly state: 'done'; readonly answer: StoredAnswer }

export interface StoredAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonValue
}
