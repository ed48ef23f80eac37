import { createHmac } from 'node:crypto'
import { ConnectError } from '../../protocol/index.ts'
import { clientNetwork } from '../../lib/net/client-network.ts'
import type { LoginAttemptStore } from './contract.ts'

export interface Attempt {
  readonly email: string
  /** Network address of the caller. */
  readonly address: string
}

/** Attempts that fail, in a window that begins with the first of them. */
export const attemptWindowMs = 15 * 60_000
export const attemptLimits = {
  /** From one address for one e-mail: a user who is locked out here may log in from elsewhere. */
  pair: 10,
  /** For one e-mail, from any address. */
  email: 100,
  /** From one address, for any e-mail. */
  address: 100,
} as const

/**
 * Stops password guessing, in the same way for e-mails that exist and those that do not. An attempt is
 * counted before it is made, in the database, so that the limits also hold for many attempts at once and many
 * processes.
 */
export class LoginLimits {
  readonly #store: LoginAttemptStore

  constructor(store: LoginAttemptStore) {
    this.#store = store
  }

  /**
   * `secret`: key of the hashes under which attempts are stored: a password may be typed in place of the
   * e-mail. Throws `login_throttled`.
   */
  async begin({ email, address }: Attempt, secret: Buffer): Promise<() => Promise<void>> {
    const network = clientNetwork(address)
    const subject = (...parts: readonly string[]): string =>
      createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url')
    const byAddress = new Map([[subject('address', network), attemptLimits.address]])
    // First, and alone: an address that is over its limit could make up e-mails without end, and none of them
    // is stored.
    await this.#count(byAddress)
    const byEmail = new Map([
      [subject('pair', email, network), attemptLimits.pair],
      [subject('email', email), attemptLimits.email],
    ])
    await this.#count(byEmail)
    return () => this.#store.giveBack([...byAddress.keys(), ...byEmail.keys()])
  }

  /** `limits`: by subject. */
  async #count(limits: ReadonlyMap<string, number>): Promise<void> {
    const counts = await this.#store.count([...limits.keys()], attemptWindowMs)
    const over = counts.filter(({ subject, attempts }) => attempts > (limits.get(subject) ?? 0))
    if (over.length === 0) return
    const ms = Math.max(...over.map(({ endsInMs }) => endsInMs))
    throw new ConnectError('login_throttled', { details: { seconds: Math.ceil(ms / 1000) } })
  }
}
