import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { ActionClient, ConnectorActions } from '../../connectors/connector.ts'

import { Execution } from '../execution/execution.ts'
import type { ChangedConfigs, ResolvedConfig } from '../execution/resolved-config.ts'
import type { SharedConfig } from '../execution/shared-config.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { Instance } from '../instances/schema.ts'

/** Instances whose connections to their vendors stay open. */
const maxClients = 200
/** How long the secrets of an instance are taken for the present ones. */
const freshMs = 5_000

export interface ActionClientsOptions {
  readonly instances: ChangedConfigs & Pick<InstanceService, 'resolveConfig'>
  readonly allowedNetworks: readonly string[]
  readonly logger: Logger
  /** Aborted to give up what is at the vendors. */
  readonly cut: AbortSignal
  now(): number
}

/** A client for the configuration that an instance has now. */
export class OpenClient {
  readonly source: ResolvedConfig
  readonly execution: Execution
  readonly shared: SharedConfig
  readonly client: ActionClient
  #calls = 0
  #isRetired = false

  constructor(options: Pick<OpenClient, 'source' | 'execution' | 'shared' | 'client'>) {
    this.source = options.source
    this.execution = options.execution
    this.shared = options.shared
    this.client = options.client
  }

  /** Stays open until the hold is disposed. */
  hold(): AsyncDisposable {
    this.#calls += 1
    return {
      [Symbol.asyncDispose]: async () => {
        this.#calls -= 1
        if (this.#isRetired && this.#calls === 0) await this.client[Symbol.asyncDispose]()
      },
    }
  }

  /** Closes it as soon as nobody uses it. */
  async retire(): Promise<void> {
    if (this.#isRetired) return
    this.#isRetired = true
    if (this.#calls === 0) await this.client[Symbol.asyncDispose]()
  }
}

interface KnownClient {
  readonly opened: Promise<OpenClient>
  /** The version of the instance. It changes with its configuration, and with secrets that a person set. */
  readonly version: number
  /** Until then its configuration is not resolved again. */
  freshUntilMs: number
}

/**
 * The clients of the instances whose actions were called last: calls share connections, tokens and rate
 * limits. The vault is read every few seconds, not for each call, so a secret that a person changes in the
 * vault itself is used after that time.
 */
export class ActionClients implements AsyncDisposable {
  readonly #options: ActionClientsOptions
  /** By the id of the instance; the one that was used last is the last. */
  readonly #clients = new Map<string, KnownClient>()

  constructor(options: ActionClientsOptions) {
    this.#options = options
  }

  /** A client that has the configuration of the instance. Throws what `resolveConfig` throws. */
  async get(
    { id, name, version }: Pick<Instance, 'id' | 'name' | 'version'>,
    actions: ConnectorActions,
  ): Promise<OpenClient> {
    const known = this.#clients.get(id)
    this.#clients.delete(id)
    if (known?.version === version && performance.now() < known.freshUntilMs) {
      this.#clients.set(id, known)
      return known.opened
    }
    const opened = this.#renew(name, actions, known)
    const renewed = { opened, version, freshUntilMs: performance.now() + freshMs }
    this.#clients.set(id, renewed)
    opened.catch(() => {
      if (this.#clients.get(id) === renewed) this.#clients.delete(id)
    })
    await this.#retireOldest()
    return opened
  }

  /** The vendor refused the credentials: perhaps there are others by now. */
  expire(id: string): void {
    const known = this.#clients.get(id)
    if (known !== undefined) known.freshUntilMs = 0
  }

  /** The same client if the configuration is the same. */
  async #renew(
    name: string,
    actions: ConnectorActions,
    known: KnownClient | undefined,
  ): Promise<OpenClient> {
    const before = await known?.opened.catch(() => undefined)
    try {
      const source = await this.#options.instances.resolveConfig(name)
      if (before !== undefined && isDeepStrictEqual(before.source.config, source.config))
        return before
      const opened = await this.#open(name, source, actions)
      await before?.retire()
      return opened
    } catch (error) {
      await before?.retire()
      throw error
    }
  }

  async #open(
    name: string,
    source: ResolvedConfig,
    actions: ConnectorActions,
  ): Promise<OpenClient> {
    const { instances, allowedNetworks, logger, cut } = this.#options
    const execution = new Execution({ logger, facts: { instance: name } })
    const shared = execution.shareConfig({ instance: name, source, instances })
    const client = await actions.open(source.config, {
      instance: name,
      logger: execution.logger,
      signal: cut,
      allowedNetworks,
      configChanged: shared.onConfigChanged,
      changeConfig: shared.changeConfig,
      secretFound: shared.onSecretFound,
      now: () => this.#options.now(),
    })
    return new OpenClient({ source, execution, shared, client })
  }

  async #retireOldest(): Promise<void> {
    const [oldest] = this.#clients.size > maxClients ? this.#clients : []
    if (oldest === undefined) return
    this.#clients.delete(oldest[0])
    const opened = await oldest[1].opened.catch(() => undefined)
    await opened?.retire()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = await Promise.allSettled(
      [...this.#clients.values()].map(({ opened }) => opened),
    )
    this.#clients.clear()
    for (const opened of clients) if (opened.status === 'fulfilled') await opened.value.retire()
  }
}
