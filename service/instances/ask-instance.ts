import type { SourceQuestion } from '../../engine/threads/source-threads.ts'
import type { SourceAnswer } from '../../engine/threads/protocol.ts'
import { ConnectError, type AirbyteConnectionStatus } from '../../protocol/index.ts'
import { Execution } from '../execution/execution.ts'
import type { SharedConfig } from '../execution/shared-config.ts'
import type { Discovered, Instance } from './schema.ts'
import type { InstanceService } from './contract.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { InstancesOptions } from './instances-options.ts'

const checkTimeoutMs = 60_000
const discoverTimeoutMs = 110_000
const trustedForMs = 3_600_000

/** Errors of the credentials or of the source: they are the result of a check, not a failure of it. */
const answerCodes = new Set([
  'credentials_missing',
  'reauthorization_required',
  'source_connection_lost',
  'source_timed_out',
])

type AskOptions = Pick<InstancesOptions, 'sources' | 'allowedNetworks' | 'logger' | 'now'> & {
  readonly store: Pick<InstancesOptions['store'], 'discoveries'>
}

type InstanceMethods = Pick<
  InstanceService,
  'get' | 'resolveConfig' | 'keepConfig' | 'changeConfig' | 'noteAuthorizationLost'
>

interface Discoveries {
  /** Callers that come in the meantime get the same response. */
  readonly running: Promise<Discovered>
  /**
   * Starts when `running` ends, for callers that need a fresh response: `running` may have missed a change
   * that was made after it began.
   */
  next: Promise<Discovered> | undefined
}

/** Calls the connector of an instance, in its own thread and with a time limit. */
export class AskInstance {
  readonly #options: AskOptions
  readonly #instances: InstanceMethods
  /** By the id of the instance. */
  readonly #discoveries = new Map<string, Discoveries>()

  constructor(options: AskOptions, instances: InstanceMethods) {
    this.#options = options
    this.#instances = instances
  }

  async check(name: string): Promise<AirbyteConnectionStatus> {
    try {
      return await this.#check(name)
    } catch (error) {
      if (!(error instanceof ConnectError) || !answerCodes.has(error.code)) throw error
      return { status: 'FAILED', message: `${error.message}. ${error.suggestedFix}` }
    }
  }

  async #check(name: string): Promise<AirbyteConnectionStatus> {
    const { answer } = await this.#ask(name, { question: 'check', timeoutMs: checkTimeoutMs })
    if (answer.question !== 'check') throw otherAnswer()
    return answer.status
  }

  async discover(name: string, { refresh }: { readonly refresh: boolean }): Promise<Discovered> {
    const { id } = await this.#instances.get(name)
    const cached = refresh ? null : await this.#findCached(id)
    if (cached !== null) return cached
    const discovery = this.#discoveries.get(id)
    if (discovery === undefined) return this.#begin(id, name)
    if (!refresh) return discovery.running
    const begin = (): Promise<Discovered> => this.#begin(id, name)
    discovery.next ??= discovery.running.then(begin, begin)
    return discovery.next
  }

  #begin(id: string, name: string): Promise<Discovered> {
    const running = this.#discover(name).finally(() => {
      const discovery = this.#discoveries.get(id)
      if (discovery?.running === running) this.#discoveries.delete(id)
    })
    this.#discoveries.set(id, { running, next: undefined })
    return running
  }

  async #findCached(id: string): Promise<Discovered | null> {
    const discovery = await this.#options.store.discoveries.get(id)
    const { now = Date.now } = this.#options
    if (discovery === null || now() - Date.parse(discovery.discoveredAt) > trustedForMs) return null
    return { ...discovery, fromCache: true }
  }

  async #discover(name: string): Promise<Discovered> {
    const { answer, instance } = await this.#ask(name, {
      question: 'discover',
      timeoutMs: discoverTimeoutMs,
    })
    if (answer.question !== 'discover') throw otherAnswer()
    const { id, version } = instance
    return {
      ...(await this.#options.store.discoveries.put(id, version, answer.catalog)),
      fromCache: false,
    }
  }

  /** The response without secrets: a source may repeat them in a description or a default. */
  async #ask(
    name: string,
    about: Pick<SourceQuestion, 'question' | 'timeoutMs'>,
  ): Promise<{ readonly answer: SourceAnswer; readonly instance: Instance }> {
    const { logger } = this.#options
    const execution = new Execution({ logger, facts: { instance: name, asked: about.question } })
    const instances = this.#instances
    const source = await instances.resolveConfig(name)
    const shared = execution.shareConfig({ instance: name, source, instances })
    // The instance with its version after the credentials were noted, before the source is queried.
    const instance = await instances.get(name)
    try {
      const answer = await this.#answer({ ...about, source, shared, logger: execution.logger })
      if (answer !== undefined) return { answer: execution.answer(answer), instance }
      const details = { instance: name, seconds: about.timeoutMs / 1000 }
      throw new ConnectError('source_timed_out', { details })
    } catch (thrown) {
      throw execution.error(await this.#explainLostAuthorization(name, shared, thrown))
    }
  }

  async #answer({
    source: { type, config },
    shared,
    ...about
  }: Pick<SourceQuestion, 'question' | 'timeoutMs' | 'logger'> & {
    readonly source: ResolvedConfig
    readonly shared: SharedConfig
  }): Promise<SourceAnswer | undefined> {
    const { sources, allowedNetworks } = this.#options
    const question = { ...about, type, config, allowedNetworks, ...shared.ports }
    const answer = await sources.ask(question).finally(() => shared.waitUntilSettled())
    const failure = await shared.waitUntilSettled()
    if (failure !== undefined) throw failure
    return answer
  }

  /** Returns the error of the instance if the source reports that its authorization is lost. */
  async #explainLostAuthorization(
    name: string,
    { current: config }: SharedConfig,
    error: unknown,
  ): Promise<unknown> {
    if (!(error instanceof ConnectError) || error.code !== 'source_authorization_lost') return error
    const { reason } = error.details
    return this.#instances.noteAuthorizationLost(name, {
      config,
      reason: typeof reason === 'string' ? reason : error.message,
    })
  }
}

function otherAnswer(): TypeError {
  return new TypeError('a source responded to another question than the one it got')
}
