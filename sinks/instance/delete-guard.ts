import { ConnectError } from '../../protocol/index.ts'

/** So few deletes of a sync are never held. */
const freeDeletes = 20
/** More than this share of the records that were sent are held. */
const freeShare = 0.1

/**
 * Stops a sync that would delete many records at the vendor, as after a wrong filter or an empty table,
 * until a person has seen it in a sandbox and promoted it.
 */
export class DeleteGuard {
  readonly #stream: string
  readonly #connection: string
  readonly #limit: number
  readonly #sent: number
  #deletes = 0

  /** @param sent records that were sent so far */
  constructor(
    place: { readonly stream: string; readonly connection: string },
    { sent, isReleased }: { readonly sent: number; readonly isReleased: boolean },
  ) {
    this.#stream = place.stream
    this.#connection = place.connection
    this.#sent = sent
    this.#limit = isReleased ? Infinity : mostDeletes(sent)
  }

  /** Throws `write_deletes_held` if so many more are too many. */
  admit(count: number): void {
    this.#deletes += count
    if (count === 0 || this.#deletes <= this.#limit) return
    throw new ConnectError('write_deletes_held', {
      details: {
        stream: this.#stream,
        connection: this.#connection,
        deletes: this.#deletes,
        sent: this.#sent,
        limit: this.#limit,
      },
    })
  }
}

/** How many records a sync may delete by itself. */
export function mostDeletes(sent: number): number {
  return Math.max(freeDeletes, Math.floor(sent * freeShare))
}
