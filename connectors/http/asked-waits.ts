import type { ActionResponse } from '../action.ts'
import type { ActionDescriptor } from '../descriptor-schema.ts'
import type { VendorApi } from './vendor-api.ts'

/**
 * After a longer one a call is sent all the same: the vendor may have said it by mistake, or the clocks
 * differ.
 */
const longestHoldMs = 3_600_000
/** As a request that is repeated waits: it covers the fractions that vendors cut off. */
const addedMs = 1000

/**
 * Until when the vendor asked the calls of an instance to wait, by its limits. In milliseconds since 1970.
 */
export class AskedWaits {
  readonly #limits: VendorApi['limits']
  readonly #untilMs = new Map<string, number>()
  #lastMs: number | undefined

  constructor({ limits }: Pick<VendorApi, 'limits'>) {
    this.#limits = limits
  }

  /** The wait that the vendor requested last, for any limit; undefined if it named no time. */
  get lastMs(): number | undefined {
    return this.#lastMs
  }

  /** `untilMs`: as the response, which turned a call away, says. */
  note(
    action: ActionDescriptor,
    response: Pick<ActionResponse, 'headers'>,
    { untilMs, nowMs }: { readonly untilMs: number | undefined; readonly nowMs: number },
  ): void {
    this.#lastMs = untilMs
    if (this.#limits === undefined || untilMs === undefined) return
    const heldMs = Math.min(untilMs, nowMs + longestHoldMs)
    const limit = this.#limits.hit(action, response)
    this.#untilMs.set(limit, Math.max(heldMs, this.#untilMs.get(limit) ?? 0))
  }

  /** Until when calls of the action are held back; undefined if they are not. */
  heldUntilMs(action: ActionDescriptor): number | undefined {
    const known = this.#limits?.of(action).flatMap((limit) => this.#untilMs.get(limit) ?? [])
    return known === undefined || known.length === 0 ? undefined : Math.max(...known) + addedMs
  }
}
