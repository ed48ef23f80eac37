/** Maximum number of keys; the oldest one is dropped. Callers choose the keys. */
const maxKeys = 10_000
const windowMs = 60_000

/** Counts, for each key, in windows of a minute that start with the first hit. */
export class RateWindow {
  readonly limit: number
  readonly #now: () => number
  readonly #counts = new Map<string, { readonly endsAtMs: number; hits: number }>()

  /** A limit of 0: none. */
  constructor(limit: number, now: () => number = Date.now) {
    this.limit = limit
    this.#now = now
  }

  /** Adds one. Returns the seconds until the window ends if the limit is exceeded; 0 otherwise. */
  hit(key: string): number {
    if (this.limit === 0) return 0
    const now = this.#now()
    const open = this.#counts.get(key)
    if (open === undefined || open.endsAtMs <= now) {
      this.#counts.delete(key)
      const [oldest] = this.#counts.size >= maxKeys ? this.#counts.keys() : []
      if (oldest !== undefined) this.#counts.delete(oldest)
      this.#counts.set(key, { endsAtMs: now + windowMs, hits: 1 })
      return 0
    }
    open.hits += 1
    return open.hits > this.limit ? secondsUntil(open.endsAtMs, now) : 0
  }

  /** Without counting: seconds until another hit is allowed; 0 if it is allowed now. */
  wait(key: string): number {
    const open = this.limit === 0 ? undefined : this.#counts.get(key)
    const now = this.#now()
    const isFull = open !== undefined && open.endsAtMs > now && open.hits >= this.limit
    return isFull ? secondsUntil(open.endsAtMs, now) : 0
  }
}

function secondsUntil(atMs: number, now: number): number {
  return Math.max(1, Math.ceil((atMs - now) / 1000))
}
