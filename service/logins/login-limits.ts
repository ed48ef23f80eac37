import { createHmac } from 'node:crypto'
import { ConnectError } from '../../protocol/index.ts'
import { networkOf } from '../../lib/net/network-of.ts'
import type { LoginAttemptStore } from './contract.ts'

export interface Attempt {
  readonly email: string
  /** Of the network, of who asks. */
  readonly address: string
}

/** Attempts that fail, in a window that begins with the first of them. */
export const attemptWindowMs = 15 * 60_000
export const attemptLimits = {
  /** Of one address at one e-mail: who is locked out here may log in from elsewhere. */
  pair: 10,
  /** At one e-mail, from wherever. */
  email: 100,
  /** Of one address, at whatever e-mails. */
  address: 100,
} as const

/**
 * Stops who tries passwords, alike for e-mails that exist and those that do not. An attempt is counted before it is made, in
 * the database, so that many at once, and many processes, are no way around it.
 */
export class LoginLimits {
  readonly #store: LoginAttemptStore

  constructor(store: LoginAttemptStore) {
    this.#store = store
  }

  /** `secret`: keys the hashes under which attempts are kept: a password may be typed in the place of the e-mail. Throws `login_throttled`. */
  async begin({ email, address }: Attempt, secret: Buffer): Promise<() => Promise<void>> {
    const network = networkOf(address)
    const subject = (...parts: readonly string[]): string =>
      createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url')
    const byAddress = new Map([[subject('address', network), attemptLimits.address]])
    // First, and alone: an address that is over its limit makes up e-mails without end, and none of them is kept.
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
