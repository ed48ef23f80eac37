import { SourceError } from '../../contracts.ts'
import { Mutex } from '../../../lib/async/slots.ts'
import { updateFromResponse, type QuotaState, type TokenQuota } from './token-quota.ts'
import type { Environment } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'

export interface TokenRotationOptions {
  readonly tokens: readonly string[]
  /** Asks the API for the pools of a token. */
  readonly fetchStates: (token: string) => Promise<Map<string, QuotaState>>
  readonly maxWaitSeconds: number
  /** Calls that are spread over the time until the reset: a part of the limit, at least some. */
  readonly reserveFraction: number
  readonly minReserve: number
  readonly environment: Environment
}

/** The longest wait before a call that is not forced by an empty pool, in seconds. */
const MAX_BUDGET_DELAY = 10
/** A reset that has passed already must not make the wait a busy loop. */
const MIN_EXHAUSTION_WAIT = 5
/** The seconds between two messages of a long wait. */
const HEARTBEAT = 60

type StatesByPool = ReadonlyMap<string, QuotaState>

/**
 * The tokens of a source and what each may still do. Calls are counted here, between one look at the API's
 * own counts and the next; a token whose calls are spent gives way to the next one, and when all are spent
 * everybody waits.
 */
export class TokenRotation {
  readonly #options: TokenRotationOptions
  readonly #seeding = new Mutex()
  #states: ReadonlyMap<string, StatesByPool> = new Map()
  #active = 0
  #untrackedLogged = false

  constructor(options: TokenRotationOptions) {
    this.#options = options
  }

  get activeToken(): string {
    return this.#options.tokens[this.#active] ?? ''
  }

  knows(token: string): boolean {
    return this.#states.has(token)
  }

  /** Takes one call from the pool and returns the token that it was charged to, after the necessary waits. */
  async acquire(quota: TokenQuota): Promise<string> {
    await this.#ensureSeeded()
    let deadline: number | undefined
    for (;;) {
      const token = this.activeToken
      const state = this.#state(token, quota)
      if (!state.tracked) {
        this.#rotate()
        return token
      }
      if (state.remaining > 0) {
        state.remaining -= 1
        await this.#spread(quota)
        return token
      }
      if (this.#isExhausted(quota)) {
        deadline ??= this.#nowSeconds() + this.#options.maxWaitSeconds
        await this.#waitForReset(quota, deadline)
      } else this.#rotate()
    }
  }

  observe(token: string, quota: TokenQuota, response: HttpResponse): void {
    const state = this.#states.get(token)?.get(quota.name)
    if (state !== undefined) updateFromResponse(state, quota, response)
  }

  /** True if the token has spent its calls and another token has not. */
  hasAlternative(token: string, quota: TokenQuota): boolean {
    const sender = this.#states.get(token)?.get(quota.name)
    if (sender === undefined || !sender.tracked || sender.remaining > 0) return false
    return [...this.#states].some(
      ([other, pools]) => other !== token && (pools.get(quota.name)?.remaining ?? 0) > 0,
    )
  }

  async #ensureSeeded(): Promise<void> {
    if (this.#states.size > 0) return
    await this.#seeding.run(async () => {
      if (this.#states.size === 0) await this.#seed()
    })
  }

  async #seed(): Promise<void> {
    const { tokens, fetchStates } = this.#options
    const states = new Map<string, StatesByPool>()
    for (const token of tokens) states.set(token, await fetchStates(token))
    this.#states = states
    this.#logUntracked()
  }

  #logUntracked(): void {
    const untracked = [...this.#states.values()].filter((pools) =>
      [...pools.values()].some((state) => !state.tracked),
    ).length
    if (untracked === 0 || this.#untrackedLogged) return
    this.#untrackedLogged = true
    this.#options.environment.logger.info(
      { untracked, tokens: this.#states.size },
      'the API counts no calls of some tokens: they are used in turn, without waits',
    )
  }

  async #spread(quota: TokenQuota): Promise<void> {
    const { environment } = this.#options
    const seconds = this.#budgetDelay(quota)
    if (seconds < 0.1) return
    environment.logger.debug({ quota: quota.name, seconds }, 'spreading the last calls')
    await environment.sleep(seconds)
  }

  /** Seconds that this call waits so that the last calls last until the reset. */
  #budgetDelay(quota: TokenQuota): number {
    const { minReserve, reserveFraction } = this.#options
    const states = this.#statesOf(quota)
    const isLow = (state: QuotaState) =>
      state.tracked && state.remaining <= Math.max(minReserve, state.limit * reserveFraction)
    if (!states.every(isLow)) return 0
    const seconds = this.#secondsUntil(this.#state(this.activeToken, quota).resetAt)
    const remaining = states.reduce((sum, state) => sum + Math.max(state.remaining, 0), 0)
    if (remaining <= 0 || seconds <= 0) return 0
    return Math.min(seconds / remaining, MAX_BUDGET_DELAY)
  }

  async #waitForReset(quota: TokenQuota, deadline: number): Promise<void> {
    const { environment } = this.#options
    const allowed = deadline - this.#nowSeconds()
    const needed = Math.min(
      ...this.#statesOf(quota).map(({ resetAt }) => this.#secondsUntil(resetAt)),
    )
    if (allowed <= 0 || needed >= allowed)
      throw new SourceError('Rate limit is exceeded for all provided tokens.', {
        failureType: 'transient_error',
        internalMessage: `Rate limits for all tokens (quota: ${quota.name}) were reached and the next reset exceeds max_wait_time`,
      })
    let seconds = Math.min(Math.max(needed, MIN_EXHAUSTION_WAIT), allowed)
    while (seconds > 0) {
      environment.logger.info({ quota: quota.name, seconds }, 'all tokens are exhausted, waiting')
      const chunk = Math.min(seconds, HEARTBEAT)
      await environment.sleep(chunk)
      seconds -= chunk
    }
    await this.#seeding.run(async () => {
      if (this.#isExhausted(quota)) await this.#seed()
    })
  }

  #isExhausted(quota: TokenQuota): boolean {
    return this.#statesOf(quota).every((state) => state.tracked && state.remaining <= 0)
  }

  #rotate(): void {
    this.#active = (this.#active + 1) % this.#options.tokens.length
  }

  #statesOf(quota: TokenQuota): QuotaState[] {
    return this.#options.tokens.map((token) => this.#state(token, quota))
  }

  #state(token: string, quota: TokenQuota): QuotaState {
    const state = this.#states.get(token)?.get(quota.name)
    if (state === undefined) throw new TypeError(`The quota ${quota.name} is not seeded.`)
    return state
  }

  #nowSeconds(): number {
    return this.#options.environment.nowMicros() / 1e6
  }

  #secondsUntil(micros: number): number {
    return micros / 1e6 - this.#nowSeconds()
  }
}
