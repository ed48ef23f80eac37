import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { Wake } from '../../../lib/async/wake.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { isUnusable, type Vault } from '../../platform/vault/vault.ts'
import type { ReceiverSecrets, ReceiverStore, StoredReceiver } from '../receivers/contract.ts'
import { validAt } from '../receivers/previous.ts'
import { readReceiverSecrets } from '../receivers/receiver-secrets.ts'
import type { Dispatch } from '../receivers/schema.ts'
import { ingressRules, type IngressRules } from './ingress-rules.ts'

/** A receiver as deliveries are checked against it. */
export interface IngressReceiver {
  readonly id: string
  readonly name: string
  readonly rules: IngressRules
  readonly dispatch: readonly Dispatch[]
  /** Valid at a time: none, one, or more while one is exchanged; the present one first. */
  secretsAt(nowMs: number): readonly string[]
}

export interface ReceiverDirectory {
  /** Undefined for a token that no receiver has at that time. */
  find(token: string, nowMs: number): IngressReceiver | undefined
  /** False while receivers or secrets could not be read: a receiver that is not found may exist. */
  isComplete(): boolean
}

export interface DirectoryOptions {
  readonly store: Pick<ReceiverStore, 'all' | 'onChange'>
  readonly vault: Pick<Vault, 'get'>
  readonly logger: Logger
  /** How often it reads all again without a reason. Default 5 s. */
  readonly refreshMs?: number
  /** The first pause after a failure. Default 0.5 s. */
  readonly retryMs?: number
}

const defaultRefreshMs = 5_000
const defaultRetryMs = 500

interface Entry {
  readonly receiver: IngressReceiver
  /** Null: for good. */
  readonly untilMs: number | null
}

interface KnownSecrets {
  readonly version: number
  readonly secrets: ReceiverSecrets | null
}

/**
 * All receivers and their secrets in memory, so that a token that nobody has costs as much as one that a
 * receiver has. It is read again after each change in any process, and every few seconds. While the store or
 * the vault is away, it says what it knew.
 */
export class LoadedDirectory implements ReceiverDirectory {
  readonly #options: DirectoryOptions
  /** By the hash of the token. */
  #byToken: ReadonlyMap<string, Entry> = new Map()
  #secrets: ReadonlyMap<string, KnownSecrets> = new Map()
  #isComplete = false
  #reading: Promise<void> | undefined
  /** A reading that has not begun. */
  #next: Promise<void> | undefined
  #failures = 0

  constructor(options: DirectoryOptions) {
    this.#options = options
  }

  find(token: string, nowMs: number): IngressReceiver | undefined {
    const entry = this.#byToken.get(createHash('sha256').update(token).digest('base64'))
    if (entry === undefined) return undefined
    return entry.untilMs === null || nowMs < entry.untilMs ? entry.receiver : undefined
  }

  /** By its name. */
  named(name: string): IngressReceiver | undefined {
    for (const { receiver } of this.#byToken.values()) if (receiver.name === name) return receiver
    return undefined
  }

  isComplete(): boolean {
    return this.#isComplete
  }

  /**
   * Reads all again, after a reading that is on its way. Throws what the store throws; secrets that cannot be
   * read leave it incomplete.
   */
  refresh(): Promise<void> {
    // One that has not begun sees all that is stored by now: many callers share it.
    this.#next ??= this.#readAfter(this.#reading)
    return this.#next
  }

  async #readAfter(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => undefined)
    this.#reading = this.#next
    this.#next = undefined
    await this.#read()
  }

  /** Keeps it up to date until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, logger, refreshMs = defaultRefreshMs, retryMs = defaultRetryMs } = this.#options
    const wake = new Wake()
    using listening = new DisposableStack()
    listening.use(
      store.onChange(() => {
        wake.now()
      }),
    )
    while (!signal.aborted) {
      try {
        await this.refresh()
      } catch (error) {
        this.#isComplete = false
        this.#failures += 1
        const { code } = ConnectError.from(error)
        if (this.#failures === 1) logger.warn({ code }, 'the webhook receivers could not be read')
      }
      if (this.#isComplete) this.#failures = 0
      await wake.wait(this.#isComplete ? refreshMs : retryMs, signal)
    }
  }

  async #read(): Promise<void> {
    const receivers = await this.#options.store.all()
    const secrets = new Map<string, KnownSecrets>()
    let isComplete = true
    for (const receiver of receivers) {
      const known = await this.#secretsOf(receiver)
      if (known === undefined) isComplete = false
      else secrets.set(receiver.id, known)
    }
    const entries = await Promise.all(
      receivers.map((receiver) => this.#entries(receiver, secrets.get(receiver.id)?.secrets)),
    )
    this.#secrets = secrets
    this.#byToken = new Map(entries.flat())
    this.#isComplete = isComplete
  }

  /** Undefined: they cannot be read now, and those of before are outdated. */
  async #secretsOf({ id, name, secretVersion }: StoredReceiver): Promise<KnownSecrets | undefined> {
    const known = this.#secrets.get(id)
    if (known?.version === secretVersion) return known
    try {
      const secrets = await readReceiverSecrets(this.#options.vault, id)
      return { version: secretVersion, secrets }
    } catch (error) {
      const { code } = ConnectError.from(error)
      this.#options.logger.warn(
        { receiver: name, code },
        'the secrets of a receiver cannot be read: it accepts nothing',
      )
      return isUnusable(error) ? { version: secretVersion, secrets: null } : known
    }
  }

  async #entries(
    receiver: StoredReceiver,
    secrets: ReceiverSecrets | null | undefined,
  ): Promise<readonly (readonly [string, Entry])[]> {
    const found = await this.#receiverOf(receiver, secrets)
    if (found === undefined) return []
    const { tokenHash, previousTokens } = receiver
    const previous = previousTokens.map(({ value, until }) => {
      return [value, { receiver: found, untilMs: Date.parse(until) }] as const
    })
    return [[tokenHash.toString('base64'), { receiver: found, untilMs: null }], ...previous]
  }

  async #receiverOf(
    receiver: StoredReceiver,
    secrets: ReceiverSecrets | null | undefined,
  ): Promise<IngressReceiver | undefined> {
    const { id, name, dispatch } = receiver
    let rules: IngressRules | undefined
    try {
      rules = await ingressRules(receiver)
    } catch (error) {
      const { code } = ConnectError.from(error)
      this.#options.logger.warn({ receiver: name, code }, 'the connector of a receiver is missing')
    }
    if (rules === undefined) return undefined
    const present = secrets?.signing === undefined ? [] : [secrets.signing]
    const previous = secrets?.previousSigning ?? []
    const secretsAt = (nowMs: number): readonly string[] => [
      ...present,
      ...validAt(previous, nowMs).map(({ value }) => value),
    ]
    return { id, name, rules, dispatch, secretsAt }
  }
}
