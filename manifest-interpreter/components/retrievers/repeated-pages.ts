import { Buffer } from 'node:buffer'
import { createHash, type Hash } from 'node:crypto'
import { SourceError } from '../../source-error.ts'
import { list, optionalComponent, optionalText } from '../../definition.ts'
import { equals } from '../../value/equality.ts'
import { repr, str } from '../../value/text.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * The number of times that a response may repeat in a row. A token that comes again with the same records
 * leads nowhere. Under another token, equal records may be different ones (measurements without keys), and an
 * empty response may stand for a response that is not ready yet.
 */
const maxRepeats = { sameToken: 0, otherwise: 9 } as const
/**
 * How often a circle of pages is followed once more. Empty ones may stand for a response that is not ready
 * yet.
 */
const maxLaps = { withRecords: 1, empty: 9 } as const

/**
 * Empty pages in a row that are followed if each has another token: a search over sparse data may return this
 * many.
 */
const maxEmptyPages = 10_000

export interface ReceivedPage {
  readonly response: HttpResponse
  readonly extracted: number
  /** The hash of the page's records, if they were watched. */
  readonly recordsHash: string | undefined
}

/** The facts that distinguish a page from another. A fact is undefined if it is not known. */
interface Fingerprint {
  readonly length?: number
  readonly body?: BodyPrint | undefined
  readonly records?: string | undefined
}

/**
 * A body in memory is compared up to the first difference. A larger body is hashed: 0.7 ms for a megabyte
 * (2026-11-29).
 */
type BodyPrint = Uint8Array | string
const maxKeptBytes = 1024 * 1024

/**
 * Ends a paging that would not end by itself: the API returns the same page again and again. Made for the
 * pages of one slice.
 */
export class RepeatedPages {
  readonly #streamName: string
  readonly #tokenPlace: string
  #last: Fingerprint = {}
  #repeats = 0
  #emptyPages = 0
  #pages = 0
  /**
   * A page with which later pages are compared (Brent's algorithm). It is replaced at each power of two, so
   * that a cycle of any length is noticed, and no more than one page is in memory.
   */
  #mark: { readonly token: Value; readonly print: Fingerprint } | undefined
  #laps = 0
  /**
   * True if the records of the next page are to be hashed: bodies may differ by the time that a request took.
   */
  watchesRecords = false

  constructor(streamName: string, tokenPlace: string) {
    this.#streamName = streamName
    this.#tokenPlace = tokenPlace
  }

  /**
   * Called after each page that has a next one. `asked`: the token of its request. Throws if paging leads
   * nowhere.
   */
  async observe(page: ReceivedPage, token: Value, next: Value): Promise<void> {
    const hasSameToken = token !== null && equals(token, next)
    const marksNext = isPowerOfTwo(this.#pages + 2)
    this.watchesRecords = hasSameToken || marksNext || this.#isMarked(next)
    await this.#observeCycle(page, token, hasSameToken)
    const seen = await this.#printsOf(page, hasSameToken)
    this.#repeats = isRepeated(seen, this.#last) ? this.#repeats + 1 : 0
    this.#last = seen
    const most = hasSameToken && page.extracted > 0 ? maxRepeats.sameToken : maxRepeats.otherwise
    if (this.#repeats > most) throw this.#failure(hasSameToken)
    this.#emptyPages = page.extracted > 0 ? 0 : this.#emptyPages + 1
    if (this.#emptyPages >= maxEmptyPages)
      throw this.#endless(
        `${maxEmptyPages.toLocaleString('en')} pages in a row had no records, and each named a next one (${this.#tokenPlace}). Correct stop_condition of the paginator, or field_path of the extractor`,
      )
  }

  /** Tokens that come again in the same order, each with the same page. */
  async #observeCycle(page: ReceivedPage, token: Value, hasSameToken: boolean): Promise<void> {
    this.#pages += 1
    const isMark = isPowerOfTwo(this.#pages)
    if (isMark || this.#isMarked(token)) {
      const bytes = await page.response.held()
      const print = { body: bytes && printOf(bytes), records: recordsOf(page) }
      const mark = this.#mark
      // A token that stays is watched page by page.
      if (mark !== undefined && !hasSameToken && this.#isMarked(token))
        this.#laps = isRepeated(print, mark.print) ? this.#laps + 1 : 0
      if (this.#laps > (page.extracted > 0 ? maxLaps.withRecords : maxLaps.empty))
        throw this.#endless(
          `the API returns the same pages in a circle: their tokens (${this.#tokenPlace}) come again, with the same responses. Correct cursor_value or stop_condition of the paginator, so that the last page has no token`,
        )
      if (isMark) {
        this.#mark = { token, print }
        this.#laps = 0
      }
    }
  }

  #isMarked(token: Value): boolean {
    return token !== null && this.#mark !== undefined && equals(this.#mark.token, token)
  }

  /**
   * Looks at a body only if it may equal that of the previous page: the token is the same, or the page has
   * records and the same length.
   */
  async #printsOf(page: ReceivedPage, hasSameToken: boolean): Promise<Fingerprint> {
    const bytes = await page.response.held()
    if (bytes === undefined) return { records: recordsOf(page) }
    const isSuspect = hasSameToken || (page.extracted > 0 && bytes.length === this.#last.length)
    return {
      length: bytes.length,
      body: isSuspect ? printOf(bytes) : undefined,
      records: recordsOf(page),
    }
  }

  #failure(hasSameToken: boolean): SourceError {
    const reason = hasSameToken
      ? `the API returns the token of the requested page (${this.#tokenPlace}) as that of the next one, with the same response. Correct cursor_value or stop_condition of the paginator, so that the last page has no token`
      : `the API returns the same response for each page (${this.#tokenPlace}), as if it ignored which page is requested. Correct page_token_option of the paginator, or remove the paginator`
    return this.#endless(reason)
  }

  #endless(reason: string): SourceError {
    return new SourceError(
      `Stream ${this.#streamName} would be paged for ever: ${reason}.`,
      // Another attempt would meet the same.
      { failureType: 'system_error', mayPass: false },
    )
  }
}

function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(Math.log2(count))
}

function recordsOf({ extracted, recordsHash }: ReceivedPage): string | undefined {
  return extracted > 0 ? recordsHash : undefined
}

function isRepeated(page: Fingerprint, before: Fingerprint): boolean {
  if (isSameBody(page.body, before.body)) return true
  return page.records !== undefined && page.records === before.records
}

function printOf(body: Uint8Array): BodyPrint {
  return body.length > maxKeptBytes ? createHash('sha1').update(body).digest('hex') : body
}

function isSameBody(body: BodyPrint | undefined, before: BodyPrint | undefined): boolean {
  if (body instanceof Uint8Array && before instanceof Uint8Array)
    return Buffer.compare(body, before) === 0
  return body !== undefined && body === before
}

/** Collects the hash of a page's records. */
export class RecordsHash {
  readonly #hash: Hash = createHash('sha1')

  add(records: readonly Dict[]): void {
    for (const record of records) this.#hash.update(repr(record)).update('\n')
  }

  digest(): string {
    return this.#hash.digest('hex')
  }
}

/** Where a paginator puts its token, as in `request_parameter "page"`. */
export function tokenPlaceOf(retriever: PlainDict): string {
  const paginator = optionalComponent(retriever, 'paginator')
  const option = paginator && optionalComponent(paginator, 'page_token_option')
  if (option === undefined) return 'no page_token_option'
  if (optionalText(option, 'type') === 'RequestPath') return 'the path of the request'
  const path = list(option, 'field_path').map(str).join('.')
  const name = path === '' ? (optionalText(option, 'field_name') ?? '') : path
  return `${optionalText(option, 'inject_into') ?? 'request_parameter'} "${name}"`
}
