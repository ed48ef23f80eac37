import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { ActionClient, ConnectorActions } from '../../connectors/connector.ts'

import { Execution } from '../execution/execution.ts'
import type { ChangedConfigs, ResolvedConfig } from '../execution/resolved-config.ts'
import type { SharedConfig } from '../execution/shared-config.ts'
import type { Instance } from '../instances/schema.ts'

/** Instances whose connections to their vendors stay open. */
const maxClients = 200

export interface ActionClientsOptions {
  readonly instances: ChangedConfigs
  readonly allowedNetworks: readonly string[]
  readonly logger: Logger
  /** Aborted when the service stops. */
  readonly stopping: AbortSignal
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

  /** Stays open until the work has ended. */
  async use<Result>(work: (client: ActionClient) => Promise<Result>): Promise<Result> {
    this.#calls += 1
    try {
      return await work(this.client)
    } finally {
      this.#calls -= 1
      if (this.#isRetired && this.#calls === 0) await this.client[Symbol.asyncDispose]()
    }
  }

  /** Closes it as soon as nobody uses it. */
  async retire(): Promise<void> {
    if (this.#isRetired) return
    this.#isRetired = true
    if (this.#calls === 0) await this.client[Symbol.asyncDispose]()
  }
}

/** The clients of the instances whose actions were called last: calls share connections, tokens and limits of the rate. */
export class ActionClients implements AsyncDisposable {
  readonly #options: ActionClientsOptions
  /** By the id of the instance; the one that was used last is the last. */
  readonly #clients = new Map<string, Promise<OpenClient>>()

  constructor(options: ActionClientsOptions) {
    this.#options = options
  }

  /** A client that has this configuration. */
  async get(
    instance: Pick<Instance, 'id' | 'name'>,
    source: ResolvedConfig,
    actions: ConnectorActions,
  ): Promise<OpenClient> {
    const known = await this.#clients.get(instance.id)
    if (known !== undefined && isDeepStrictEqual(known.source.config, source.config)) {
      this.#touch(instance.id)
      return known
    }
    const opening = this.#open(instance.name, source, actions)
    this.#clients.set(instance.id, opening)
    this.#touch(instance.id)
    opening.catch(() => {
      if (this.#clients.get(instance.id) === opening) this.#clients.delete(instance.id)
    })
    await known?.retire()
    await this.#retireOldest()
    return opening
  }

  async #open(
    name: string,
    source: ResolvedConfig,
    actions: ConnectorActions,
  ): Promise<OpenClient> {
    const { instances, allowedNetworks, logger, stopping } = this.#options
    const execution = new Execution({ logger, facts: { instance: name } })
    const shared = execution.shareConfig({ instance: name, source, instances })
    const client = await actions.open(source.config, {
      instance: name,
      logger: execution.logger,
      signal: stopping,
      allowedNetworks,
      configChanged: shared.onConfigChanged,
      changeConfig: shared.changeConfig,
      secretFound: shared.onSecretFound,
      now: () => this.#options.now(),
    })
    return new OpenClient({ source, execution, shared, client })
  }

  #touch(id: string): void {
    const client = this.#clients.get(id)
    if (client === undefined) return
    this.#clients.delete(id)
    this.#clients.set(id, client)
  }

  async #retireOldest(): Promise<void> {
    const [oldest] = this.#clients.size > maxClients ? this.#clients : []
    if (oldest === undefined) return
    this.#clients.delete(oldest[0])
    await (await oldest[1]).retire()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = await Promise.allSettled([...this.#clients.values()])
    this.#clients.clear()
    for (const opened of clients) if (opened.status === 'fulfilled') await opened.value.retire()
  }
}
