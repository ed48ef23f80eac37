import { ConnectError } from '../../../protocol/index.ts'

export interface FollowerLimits {
  /** Maximum number of open event streams in this process. */
  readonly all: number
  /** Maximum for one key or user, so that one leaves room for the others. */
  readonly each: number
}

/** Each costs a connection and reads of the metadata database as its run goes on. */
export const defaultFollowerLimits: FollowerLimits = { all: 400, each: 100 }

/** How long a client should wait before it tries again. */
const retrySeconds = 10

/** Counts the event streams that are open. */
export class Followers {
  readonly #limits: FollowerLimits
  readonly #byPrincipal = new Map<string, number>()
  #all = 0

  constructor(limits: FollowerLimits = defaultFollowerLimits) {
    this.#limits = limits
  }

  /** Takes a slot; call the returned function once, to release it. Throws `too_many_followers`. */
  enter(principal: string): () => void {
    const own = this.#byPrincipal.get(principal) ?? 0
    if (own >= this.#limits.each) throw tooMany(this.#limits.each, 'by this key or user')
    if (this.#all >= this.#limits.all) throw tooMany(this.#limits.all, 'in this process')
    this.#all += 1
    this.#byPrincipal.set(principal, own + 1)
    return () => {
      this.#leave(principal)
    }
  }

  #leave(principal: string): void {
    this.#all -= 1
    const left = (this.#byPrincipal.get(principal) ?? 1) - 1
    if (left === 0) this.#byPrincipal.delete(principal)
    else this.#byPrincipal.set(principal, left)
  }
}

function tooMany(limit: number, scope: string): ConnectError {
  return new ConnectError('too_many_followers', {
    details: { limit, scope, seconds: retrySeconds },
  })
}
