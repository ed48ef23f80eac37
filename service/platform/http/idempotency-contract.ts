import type { JsonValue } from '../../../protocol/index.ts'

/** Responses of requests with an `Idempotency-Key`, stored for a day. */
export interface IdempotencyStore {
  /**
   * `began`: execute the request, then call `finish` or `abandon` with the ticket. `done`: send this
   * response. Throws `idempotency_key_reused` for another request with the same key,
   * `idempotency_key_outdated` for one that another version began and that cannot be compared,
   * `idempotency_key_in_use` while the first one is in progress (for a minute at most: then its process is
   * considered dead).
   */
  begin(request: IdempotentRequest): Promise<IdempotencyStart>
  /** Stores the response. Never use it for a response that contains a secret. */
  finish(ticket: string, answer: StoredResponse): Promise<void>
  /** The request changed nothing: the key may be used again. */
  abandon(ticket: string): Promise<void>
  /**
   * The request may have changed something, and may be sent again: the same one may, as another attempt, and
   * no other one.
   */
  release(ticket: string): Promise<void>
}

export interface IdempotentRequest {
  /**
   * Keys of different owners are independent: the caller (id of the principal), or the instance that the key
   * belongs to.
   */
  readonly principal: string
  readonly key: string
  /**
   * Hash of method, path and body: `FORMAT:HASH`, or without a format. Hashes with different formats cannot
   * be compared.
   */
  readonly requestHash: string
  /** After which the process that carries it out is taken for dead; default 60. */
  readonly lockedSeconds?: number
  /** Hash of the vendor's account that the request is for; stored with the first attempt. Default: none. */
  readonly account?: string
}

export type IdempotencyStart =
  IdempotencyBegin | { readonly state: 'done'; readonly answer: StoredResponse }

export interface IdempotencyBegin {
  readonly state: 'began'
  readonly ticket: string
  /** More than 1 if the same request was released, or a process died while it carried it out. */
  readonly attempt: number
  /** All attempts of a request have the same; null for one that an older version began. */
  readonly firstTicket: string | null
  /** The account of the first attempt; null if it had none, or if an older version began it. */
  readonly account: string | null
}

export interface StoredResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonValue
}
