import { Agent } from 'undici'
import { AddressGuard } from '../../../../manifest-interpreter/http/address-guard.ts'
import { TransportError } from '../../../../manifest-interpreter/http/transport-error.ts'
import { requestFailure } from '../../../../protocol/index.ts'
import type { DispatchedEvent, DispatchOutcome, DispatchTarget, TargetOf } from './contract.ts'
import { postEvent } from './post-event.ts'
import type { StandardSignature } from './standard-signature.ts'

export interface UrlTargetOptions {
  readonly signature: StandardSignature
  /**
   * The whole of a target as a receiver has it stored; undefined: the vault does not have it. Throws what the
   * vault throws.
   */
  readonly wholeTarget: (receiverId: string, stored: string) => Promise<string | undefined>
  /** Private or reserved networks that can be reached all the same. */
  readonly allowedNetworks: readonly string[]
  readonly now: () => number
  /** Default: 15 s. */
  readonly timeoutMs?: number
}

/**
 * `url:https://…`: the body as it came, signed as https://www.standardwebhooks.com says. Users name the
 * addresses, so only public ones can be reached, as for HTTP sources, and redirects are not followed.
 */
export class UrlTarget implements DispatchTarget<'url'>, AsyncDisposable {
  readonly #options: UrlTargetOptions
  readonly #guard: AddressGuard
  readonly #agent: Agent

  constructor(options: UrlTargetOptions) {
    this.#options = options
    this.#guard = new AddressGuard(options.allowedNetworks)
    this.#agent = new Agent({ connect: { timeout: 10_000, lookup: this.#guard.lookup } })
  }

  problem(): undefined {
    return undefined
  }

  /** A name is looked up for each attempt: it may have other addresses then. */
  sureFailure({ url }: TargetOf<'url'>): string | undefined {
    try {
      this.#guard.check(new URL(url).hostname)
      return undefined
    } catch (error) {
      if (error instanceof TransportError) return error.message
      throw error
    }
  }

  async dispatch(
    { claimed: stored }: DispatchedEvent<'url'>,
    signal: AbortSignal,
  ): Promise<DispatchOutcome> {
    const { signature, wholeTarget, now, timeoutMs } = this.#options
    const whole = await wholeTarget(stored.receiver.id, stored.target)
    if (whole === undefined) return withoutAddress
    // Ids and signatures are those of the whole target, however it is stored.
    const claimed = { ...stored, target: whole }
    const url = whole.slice('url:'.length)
    const { body } = claimed.delivery
    const signed = await signature.headers(claimed, body)
    if (signed === undefined)
      return { outcome: 'failed', reason: 'the vault has no secret to sign with' }
    try {
      this.#guard.check(new URL(url).hostname)
      const headers = { ...eventHeaders(claimed), ...signed }
      const { status, outcome } = await postEvent(
        { url, headers, body, now, timeoutMs, agent: this.#agent },
        signal,
      )
      // The owner of the address wants no more of it.
      return outcome.outcome === 'failed' && status === 410
        ? { ...outcome, isFinal: true }
        : outcome
    } catch (error) {
      signal.throwIfAborted()
      return { outcome: 'failed', ...unreachable(error) }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }
}

const withoutAddress: DispatchOutcome = {
  outcome: 'failed',
  reason:
    'the vault does not have the query of the address; give the whole address again: `reactor connect receivers update NAME --dispatch …`',
  isTargetDown: true,
}

/** Names that the signature does not cover: hints, which nobody may rely on. */
function eventHeaders({
  receiver,
  delivery,
  attempt,
}: DispatchedEvent['claimed']): Readonly<Record<string, string>> {
  const type = delivery.headers['content-type'] ?? 'application/json'
  const hints = {
    'reactor-receiver': receiver.name,
    'reactor-event-id': delivery.eventId,
    'reactor-event-type': delivery.eventType ?? '',
    'reactor-attempt': String(attempt),
    ...(delivery.kind === 'test' && { 'reactor-connect-test': 'true' }),
  }
  const sendable = Object.entries(hints).filter(([, value]) => /^[\x21-\x7e]{1,200}$/.test(value))
  return {
    'content-type': /^[\x20-\x7e]{1,200}$/.test(type) ? type : 'application/octet-stream',
    ...Object.fromEntries(sendable),
  }
}

/** An address that is not allowed is a mistake of the configuration: trying it often helps nobody. */
function unreachable(error: unknown): {
  readonly reason: string
  readonly isTargetDown?: boolean
  readonly isRefused?: boolean
} {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof TransportError) return { reason: cause.message, isRefused: true }
  return { reason: requestFailure(error), isTargetDown: true }
}
