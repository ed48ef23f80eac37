import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { UndiciTransport } from '../../manifest-interpreter/http/undici-transport.ts'
import {
  SourceError,
  type Environment,
  type SideMessage,
  type Transport,
} from '../../manifest-interpreter/contracts.ts'
import type { Dict } from '../../manifest-interpreter/value/value.ts'
import { ConnectError } from '../../protocol/errors/connect-error.ts'
import type { ChangeConfig, ConnectorContext } from '../connector.ts'
import { MicrosecondClock } from './microsecond-clock.ts'
import { configOf, plainConfig } from './source-config.ts'

/** The parts of a connector's context that a source needs. */
export type SourceContext = Pick<
  ConnectorContext,
  | 'signal'
  | 'allowedNetworks'
  | 'now'
  | 'configChanged'
  | 'changeConfig'
  | 'secretFound'
  | 'onRequest'
  | 'waits'
> &
  Pick<Environment, 'logger'>

export interface SourceEnvironmentOptions {
  readonly context: SourceContext
  /** Where the manifest's relative paths start. */
  readonly manifestDirectory?: string
  /** Receives messages in addition to the context. */
  readonly emit?: (message: SideMessage) => void
  /** See `Environment`. */
  readonly unreadableAnswers?: 'fail'
  /** See `Environment`. */
  readonly maxRetrySeconds?: number
  /** The limit of a response. Default: that of the transport. */
  readonly maxBodyBytes?: number
}

/** Node ends a longer timer at once: 24.8 days. */
const longestTimerMs = 2 ** 31 - 1

/**
 * The environment of a source in production: the clock, randomness, and the network behind its guard. Dispose
 * it at the end.
 */
export class SourceEnvironment implements Environment, AsyncDisposable {
  readonly logger: Environment['logger']
  readonly signal: AbortSignal
  readonly transport: Transport
  readonly manifestDirectory?: string
  readonly unreadableAnswers?: 'fail'
  readonly maxRetrySeconds?: number
  readonly changeConfig?: (change: (config: Dict) => Promise<Dict | null>) => Promise<Dict>
  readonly #network: UndiciTransport
  readonly #context: SourceContext
  readonly #clock: MicrosecondClock
  readonly #emit: ((message: SideMessage) => void) | undefined
  #authorizationLost: SourceError | undefined

  constructor(options: SourceEnvironmentOptions) {
    const { context, manifestDirectory, emit, unreadableAnswers, maxRetrySeconds, maxBodyBytes } =
      options
    this.#context = context
    this.#clock = new MicrosecondClock(() => context.now())
    this.logger = context.logger
    this.signal = context.signal
    const { allowedNetworks, waits } = context
    const network = new UndiciTransport({
      allowedNetworks,
      ...(waits !== undefined && { readTimeoutMs: waits.readTimeoutMs }),
      ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    })
    this.#network = network
    this.transport = {
      send(request, signal) {
        context.onRequest?.()
        return network.send(request, signal)
      },
    }
    if (manifestDirectory !== undefined) this.manifestDirectory = manifestDirectory
    if (unreadableAnswers !== undefined) this.unreadableAnswers = unreadableAnswers
    if (maxRetrySeconds !== undefined) this.maxRetrySeconds = maxRetrySeconds
    this.#emit = emit
    const { changeConfig } = context
    if (changeConfig !== undefined)
      this.changeConfig = (change) => changedConfig(changeConfig, change)
  }

  /** Why the user must authorize again: the source reports it, even if other things failed because of it. */
  get authorizationLost(): SourceError | undefined {
    return this.#authorizationLost
  }

  emit(message: SideMessage): void {
    if (message.kind === 'authorization-lost') this.#authorizationLost = message.error
    if (message.kind === 'config') this.#context.configChanged?.(plainConfig(message.config))
    this.#emit?.(message)
  }

  secretFound(text: string): void {
    this.#context.secretFound?.(text)
  }

  nowMicros(): number {
    return this.#clock.nowMicros()
  }

  async sleep(seconds: number): Promise<void> {
    const { waits } = this.#context
    if (waits !== undefined) {
      await waits.sleep(seconds, this.signal)
      return
    }
    // A header may ask for less than nothing, or for months.
    let leftMs = Math.max(0, seconds) * 1000
    do {
      await sleep(Math.min(leftMs, longestTimerMs), undefined, { signal: this.signal })
      leftMs -= longestTimerMs
    } while (leftMs > 0)
  }

  uuid(): string {
    return randomUUID()
  }

  random(low: number, high: number): number {
    return low + Math.random() * (high - low)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network.close()
  }
}

async function changedConfig(
  changeConfig: ChangeConfig,
  change: (config: Dict) => Promise<Dict | null>,
): Promise<Dict> {
  try {
    const config = await changeConfig(async (before) => {
      const after = await change(configOf(before))
      return after === null ? null : plainConfig(after)
    })
    return configOf(config)
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    throw new SourceError(error.message, { failureType: error.failureType, cause: error })
  }
}
