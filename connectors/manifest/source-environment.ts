import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { UndiciTransport } from '../../manifest-interpreter/http/undici-transport.ts'
import type { Environment, SideMessage } from '../../manifest-interpreter/contracts.ts'
import type { ConnectorContext } from '../connector.ts'

/** What a source needs of a connector's context. */
export type SourceContext = Pick<ConnectorContext, 'signal' | 'allowedNetworks' | 'now'> &
  Pick<Environment, 'logger'>

export interface SourceEnvironmentOptions {
  readonly context: SourceContext
  /** Where the manifest's relative paths start. */
  readonly manifestDirectory?: string
  readonly emit: (message: SideMessage) => void
}

/** The world as a source sees it in production: the clock, chance, and the network behind its guard. Dispose it at the end. */
export class SourceEnvironment implements Environment, AsyncDisposable {
  readonly logger: Environment['logger']
  readonly signal: AbortSignal
  readonly transport: UndiciTransport
  readonly manifestDirectory?: string
  readonly emit: (message: SideMessage) => void
  readonly #context: SourceContext

  constructor({ context, manifestDirectory, emit }: SourceEnvironmentOptions) {
    this.#context = context
    this.logger = context.logger
    this.signal = context.signal
    this.transport = new UndiciTransport({ allowedNetworks: context.allowedNetworks })
    if (manifestDirectory !== undefined) this.manifestDirectory = manifestDirectory
    this.emit = emit
  }

  nowMicros(): number {
    return this.#context.now() * 1000
  }

  async sleep(seconds: number): Promise<void> {
    await sleep(seconds * 1000, undefined, { signal: this.signal })
  }

  uuid(): string {
    return randomUUID()
  }

  random(low: number, high: number): number {
    return low + Math.random() * (high - low)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.close()
  }
}
