import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { Slots } from '../../lib/async/slots.ts'
import { ConnectError } from '../../protocol/index.ts'

/** The cost of scrypt; stored with each hash, so that it can be raised later. Memory: 128 x N x r bytes. */
export interface HashCost {
  readonly n: number
  readonly r: number
  readonly p: number
}

/** 32 MiB and 0.22 s of a core (measured 2026-11-26): OWASP's choice for this much memory. */
export const standardCost: HashCost = { n: 2 ** 15, r: 8, p: 3 }

const saltBytes = 16
const hashBytes = 32
/** Each uses a thread of Node's pool, which file and DNS operations need too, and memory. */
const atOnce = 2
const maxWaiting = 50

const deriveKey = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

/** Hashes passwords with scrypt, two at a time; the others wait. */
export class PasswordHasher {
  readonly #cost: HashCost
  readonly #slots = new Slots(atOnce)
  /** The hash of a password that nobody has. */
  readonly #nobody: string

  constructor(cost: HashCost = standardCost) {
    this.#cost = cost
    this.#nobody = formatHash(cost, Buffer.alloc(saltBytes), Buffer.alloc(hashBytes))
  }

  /** `scrypt$N$r$p$SALT$HASH`. Throws `login_throttled` if too many wait. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(saltBytes)
    const hash = await this.#derive(password, salt, this.#cost)
    return formatHash(this.#cost, salt, hash)
  }

  /**
   * Whether it is the password of the hash; in constant time. Null, for a user that does not exist, takes as
   * long and returns false. Throws `login_throttled` if too many wait.
   */
  async matches(password: string, passwordHash: string | null): Promise<boolean> {
    const { cost, salt, hash } = parseHash(passwordHash ?? this.#nobody)
    const isSame = timingSafeEqual(await this.#derive(password, salt, cost), hash)
    return isSame && passwordHash !== null
  }

  /** Whether a hash was made with another cost than new ones. */
  isOutdated(passwordHash: string): boolean {
    const { n, r, p } = parseHash(passwordHash).cost
    return n !== this.#cost.n || r !== this.#cost.r || p !== this.#cost.p
  }

  async #derive(password: string, salt: Buffer, { n, r, p }: HashCost): Promise<Buffer> {
    if (this.#slots.waiting >= maxWaiting)
      throw new ConnectError('login_throttled', { details: { seconds: 10 } })
    // Unicode-normalized, so that the same letters are the same password on every keyboard.
    const text = password.normalize('NFKC')
    const options = { N: n, r, p, maxmem: 256 * n * r }
    return this.#slots.run(() => deriveKey(text, salt, hashBytes, options))
  }
}

function formatHash({ n, r, p }: HashCost, salt: Buffer, hash: Buffer): string {
  return ['scrypt', n, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

const shape = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{22})\$([\w-]{43})$/

function parseHash(passwordHash: string): {
  readonly cost: HashCost
  readonly salt: Buffer
  readonly hash: Buffer
} {
  const [, n, r, p, salt, hash] = shape.exec(passwordHash) ?? []
  if (salt === undefined || hash === undefined) throw new TypeError('not a hash of a password')
  return {
    cost: { n: Number(n), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  }
}
