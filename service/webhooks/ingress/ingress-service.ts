import type { Logger } from 'pino'
import { inTime } from '../../../lib/async/in-time.ts'
import { ConnectError, errorCodes, type JsonValue } from '../../../protocol/index.ts'
import { RateWindow } from '../../platform/http/rate-window.ts'
import { LimitedLog } from '../../platform/log/limited-log.ts'
import type { DeliveryLog } from '../deliveries/contract.ts'
import type { IncomingDelivery, IngressService, ReceivedDelivery } from './contract.ts'
import { receiveDelivery, type IngressDeps } from './receive-delivery.ts'
import type { IngressReceiver, LoadedDirectory } from './receiver-directory.ts'
import { testDelivery } from './test-delivery.ts'

export interface IngressLimits {
  readonly maxBytes: number
  /** Deliveries of one receiver; 0: no limit. */
  readonly deliveriesPerMinute: number
  /** Refused ones from one address; 0: no limit. */
  readonly refusalsPerMinute: number
}

export interface IngressOptions {
  readonly directory: Pick<LoadedDirectory, 'find' | 'named' | 'isComplete' | 'refresh'>
  readonly log: DeliveryLog
  readonly limits: IngressLimits
  readonly logger: Logger
  now(): number
  /** How long a vendor waits for a delivery to become durable. Default 10 s: some of them wait no longer. */
  readonly appendTimeoutMs?: number
}

const defaultAppendTimeoutMs = 10_000

export class DurableIngress implements IngressService {
  readonly maxBytes: number
  readonly #options: IngressOptions
  readonly #failures: LimitedLog
  readonly #deliveries: RateWindow
  readonly #refusals: RateWindow

  constructor(options: IngressOptions) {
    const { limits } = options
    this.maxBytes = limits.maxBytes
    this.#options = options
    this.#failures = new LimitedLog(options.logger)
    this.#deliveries = new RateWindow(limits.deliveriesPerMinute, () => options.now())
    this.#refusals = new RateWindow(limits.refusalsPerMinute, () => options.now())
  }

  async receive(
    { token, holdFor, ...incoming }: IncomingDelivery,
    address: string,
  ): Promise<ReceivedDelivery> {
    const receiver = this.#options.directory.find(token, this.#options.now())
    try {
      return await receiveDelivery(receiver, incoming, this.#deps(holdFor))
    } catch (error) {
      throw this.#shown(error, address)
    }
  }

  async sendTest(name: string, body?: JsonValue): Promise<ReceivedDelivery> {
    const { directory } = this.#options
    // The receiver may have been made, or its secret changed, in another process right now.
    await directory.refresh()
    const receiver = directory.named(name)
    if (receiver === undefined) throw new ConnectError('receiver_not_found', { details: { name } })
    const nowMs = this.#options.now()
    const incoming = testDelivery(receiver, { nowMs, ...(body !== undefined && { body }) })
    try {
      return await receiveDelivery(receiver, incoming, { ...this.#deps(), kind: 'test' })
    } catch (error) {
      throw this.#ofLog(error)
    }
  }

  #deps(holdFor?: IncomingDelivery['holdFor']): IngressDeps {
    const { log, appendTimeoutMs = defaultAppendTimeoutMs } = this.#options
    return {
      log: {
        append: (delivery) => {
          const work = log.append(delivery)
          holdFor?.(work)
          return inTime(work, appendTimeoutMs, () => log.late(appendTimeoutMs))
        },
      },
      now: () => this.#options.now(),
      admit: ({ id }: IngressReceiver) => {
        const seconds = this.#deliveries.hit(id)
        const { limit } = this.#deliveries
        if (seconds > 0)
          throw tooMany('deliveries', 'limits.ingress_per_minute', { limit, seconds })
      },
    }
  }

  /** The error as the sender may see it. */
  #shown(error: unknown, address: string): ConnectError {
    const known = this.#ofLog(error)
    if (known.code !== 'delivery_refused') return known
    // A receiver that is not found may exist: the sender must not give up.
    if (!this.#options.directory.isComplete()) return new ConnectError('ingress_unavailable')
    // Checked all the same: others may share the address, and nobody learns by the limit which tokens exist.
    const seconds = this.#refusals.hit(address)
    const { limit } = this.#refusals
    return seconds === 0
      ? known
      : tooMany('refused deliveries', 'limits.ingress_refusals_per_minute', { limit, seconds })
  }

  /** Why it is not durable concerns only the operator: it names servers. */
  #ofLog(error: unknown): ConnectError {
    if (error instanceof ConnectError && errorCodes[error.code].httpStatus < 500) return error
    const { code, message } = ConnectError.from(error)
    const isUnexpected = code === 'unexpected'
    this.#failures.line(isUnexpected ? String(error) : code, {
      level: 'error',
      facts: isUnexpected ? { err: error } : { code, reason: message },
      message: 'a delivery could not be stored',
    })
    return new ConnectError('ingress_unavailable', { cause: error })
  }
}

function tooMany(
  what: string,
  setting: string,
  details: { readonly limit: number; readonly seconds: number },
): ConnectError {
  return new ConnectError('rate_limited', { details: { what, setting, ...details } })
}
