import { shellWord } from '../../lib/text/shell-word.ts'
import { cutText, cutTexts, passedCharacters } from '../cut-text.ts'
import type { JsonObject } from '../json.ts'
import {
  errorCodes,
  errorSection,
  type ErrorCode,
  type ErrorCodeName,
  type FailureType,
} from './codes.ts'

/** Facts about one failure. Never a secret, never a record's contents. */
export type ErrorDetails = JsonObject

/**
 * The one error class of the project. `toJSON` gives the shape that crosses threads, HTTP and `--json`
 * output.
 */
export class ConnectError extends Error {
  override readonly name = 'ConnectError'
  readonly code: ErrorCodeName
  readonly details: ErrorDetails

  /**
   * Texts of the details are cut: a vendor or a server may have written megabytes, and an error goes through
   * threads, stores and logs.
   */
  constructor(code: ErrorCodeName, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    const details = cutTexts(options.details ?? {}, passedCharacters)
    super(
      fill(errorCodes[code].message, details),
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.details = details
  }

  get failureType(): FailureType {
    return this.#entry.failureType
  }

  get retryable(): boolean {
    return this.#entry.retryable
  }

  get suggestedFix(): string {
    return fill(this.#entry.suggestedFix, this.details)
  }

  get #entry(): ErrorCode {
    return errorCodes[this.code]
  }

  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      suggested_fix: this.suggestedFix,
      failure_type: this.failureType,
      docs_url: errorSection(this.code) ?? 'docs/errors/README.md',
      ...(Object.keys(this.details).length > 0 && { details: this.details }),
    }
  }

  /** Rebuilds the error on the other side of a thread: an Error loses its class and fields on the way. */
  static fromJSON(body: ErrorBody): ConnectError {
    return new ConnectError(body.code, { details: body.details ?? {} })
  }

  /** Any thrown value as a ConnectError; other errors become `unexpected` with their message. */
  static from(thrown: unknown): ConnectError {
    if (thrown instanceof ConnectError) return thrown
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    return new ConnectError('unexpected', { details: { reason }, cause: thrown })
  }
}

/** An error as data (as in `{ "error": … }` of the HTTP surface, without `request_id`). */
export interface ErrorBody {
  readonly code: ErrorCodeName
  readonly message: string
  readonly suggested_fix: string
  readonly failure_type: FailureType
  readonly docs_url: string
  readonly details?: ErrorDetails
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)(:word)?\}/g, (hole, name: string, word?: string) => {
    const value = details[name]
    if (value === undefined) return hole
    const text =
      typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value)
    const shown = cutText(text, passedCharacters)
    return word === undefined ? shown : shellWord(shown)
  })
}
