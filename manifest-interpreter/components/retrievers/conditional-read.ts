import type { Cursor } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'
import type { Dict } from '../../value/value.ts'

/** A cursor that stores ETags with its state. */
export type EtagCursor = Cursor & Required<Pick<Cursor, 'etagOf' | 'keepEtag' | 'endsBefore'>>

export interface ConditionalRequests {
  readonly cursor: EtagCursor
  /**
   * The page size of a list at whose end new records come: a full page stays as it is while another one
   * follows it.
   */
  readonly pageSize: number | undefined
}

export function keepsEtags(cursor: Cursor): cursor is EtagCursor {
  return cursor.etagOf !== undefined
}

export function conditionalRead(
  requests: ConditionalRequests | null,
  slice: StreamSlice,
): ConditionalRead | null {
  return requests === null ? null : new ConditionalRead(requests, slice)
}

/**
 * The read of a slice whose first request is conditional (RFC 9110, 13.1.2). If one response held a whole
 * slice, and the next slice begins at the same time, then the same response means the same read, which yields
 * nothing new. So its ETag is stored with the state, and the next read requests another response only.
 */
export class ConditionalRead {
  readonly #cursor: EtagCursor
  readonly #slice: StreamSlice
  readonly #pageSize: number
  readonly #known: string | undefined
  #responses = 0
  /** If a record is newer than the slice, the same response may give it later. */
  #isSettled = true
  #records = 0

  constructor({ cursor, pageSize = Infinity }: ConditionalRequests, slice: StreamSlice) {
    this.#cursor = cursor
    this.#slice = slice
    this.#pageSize = pageSize
    this.#known = cursor.etagOf(slice)
  }

  /** The headers of the next request. */
  headers(): Dict {
    const isFirst = this.#responses === 0
    return isFirst && this.#known !== undefined ? { 'If-None-Match': this.#known } : {}
  }

  /** Called with the records of a response, before it is itself observed. */
  observeRecords(records: readonly Dict[]): void {
    // The times of all records cost a third of the CPU of a long list, and only one response is stored.
    if (this.#responses > 0) return
    this.#records += records.length
    this.#isSettled &&= !records.some((record) => this.#cursor.endsBefore(this.#slice, record))
  }

  /** Called with the response of each request. */
  observeResponse(response: HttpResponse): void {
    this.#responses += 1
    if (this.#known !== undefined && this.isUnchanged(response))
      this.#cursor.keepEtag(this.#slice, this.#known)
  }

  /** Whether the response says that nothing has changed since the earlier read. */
  isUnchanged({ status }: HttpResponse): boolean {
    return status === 304 && this.#known !== undefined
  }

  /** Called with the last response of the slice. */
  finish({ headers }: HttpResponse): void {
    const etag = headers.text('etag')
    const isWhole = this.#responses === 1 && this.#records < this.#pageSize
    if (isWhole && this.#isSettled && etag !== undefined) this.#cursor.keepEtag(this.#slice, etag)
  }
}
