import type { SourceQuestion } from '../../engine/pools/source-pool.ts'
import type { SourceAnswer } from '../../engine/reader/source-worker.ts'
import {
  ConnectError,
  type AirbyteCatalog,
  type AirbyteConnectionStatus,
  type JsonObject,
} from '../../protocol/index.ts'
import type {
  ConfigChange,
  Discovered,
  InstanceService,
  ResolvedConfig,
} from '../contract/instances.ts'
import type { InstancesOptions } from './instances-options.ts'
import { maskedError } from './mask-secrets.ts'
import { scrubber } from './scrubber.ts'

const CHECK_TIMEOUT_MS = 60_000
const DISCOVER_TIMEOUT_MS = 110_000
const TRUSTED_FOR_MS = 3_600_000

/** What is wrong with the credentials or with the source: an answer of a check, not a failure of it. */
const answerCodes = new Set(['credentials_missing', 'reauthorization_required', 'source_timed_out'])

type AskOptions = Pick<InstancesOptions, 'sources' | 'allowedNetworks' | 'now'> & {
  readonly store: Pick<InstancesOptions['store'], 'discoveries'>
}

type AskedInstances = Pick<
  InstanceService,
  'get' | 'resolveConfig' | 'keepConfig' | 'changeConfig' | 'authorizationLost'
>

interface Discoveries {
  /** Who asks meanwhile gets the same answer. */
  readonly running: Promise<Discovered>
  /** Begins at the end of `running`, for those who ask for a fresh answer: what changed since `running` began may be missing in it. */
  next: Promise<Discovered> | undefined
}

/** Asks the connector of an instance, in a thread of its own and for a bounded time. */
export class AskInstance {
  readonly #options: AskOptions
  readonly #instances: AskedInstances
  /** By the id of the instance. */
  readonly #discoveries = new Map<string, Discoveries>()

  constructor(options: AskOptions, instances: AskedInstances) {
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
    const resolved = await this.#instances.resolveConfig(name)
    const answer = await this.#ask(name, resolved, {
      question: 'check',
      timeoutMs: CHECK_TIMEOUT_MS,
    })
    if (answer.question !== 'check') throw otherAnswer()
    const { status, message } = answer.status
    if (message === undefined) return { status }
    return { status, message: scrubber(resolved.secrets)(message) }
  }

  async discover(name: string, { refresh }: { readonly refresh: boolean }): Promise<Discovered> {
    const { id } = await this.#instances.get(name)
    const kept = refresh ? null : await this.#kept(id)
    if (kept !== null) return kept
    const of = this.#discoveries.get(id)
    if (of === undefined) return this.#begin(id, name)
    if (!refresh) return of.running
    const begin = (): Promise<Discovered> => this.#begin(id, name)
    of.next ??= of.running.then(begin, begin)
    return of.next
  }

  #begin(id: string, name: string): Promise<Discovered> {
    const running = this.#discover(name).finally(() => {
      const of = this.#discoveries.get(id)
      if (of?.running === running) this.#discoveries.delete(id)
    })
    this.#discoveries.set(id, { running, next: undefined })
    return running
  }

  async #kept(id: string): Promise<Discovered | null> {
    const kept = await this.#options.store.discoveries.get(id)
    const { now = Date.now } = this.#options
    if (kept === null || now() - Date.parse(kept.discoveredAt) > TRUSTED_FOR_MS) return null
    return { ...kept, fromCache: true }
  }

  async #discover(name: string): Promise<Discovered> {
    const resolved = await this.#instances.resolveConfig(name)
    // Its version after the credentials were noted, before the source is asked.
    const { id, version } = await this.#instances.get(name)
    const answer = await this.#ask(name, resolved, {
      question: 'discover',
      timeoutMs: DISCOVER_TIMEOUT_MS,
    })
    if (answer.question !== 'discover') throw otherAnswer()
    const catalog = withoutSecrets(answer.catalog, resolved.secrets)
    return {
      ...(await this.#options.store.discoveries.put(id, version, catalog)),
      fromCache: false,
    }
  }

  async #ask(
    name: string,
    { type, config, secrets }: ResolvedConfig,
    about: Pick<SourceQuestion, 'question' | 'timeoutMs'>,
  ): Promise<SourceAnswer> {
    const { sources, allowedNetworks } = this.#options
    let kept = Promise.resolve()
    const onConfigChanged = (changed: JsonObject): void => {
      kept = kept.then(() => this.#instances.keepConfig(name, changed, config))
      kept.catch(() => undefined) // it is awaited below
    }
    let current = config
    const changeConfig = async (change: ConfigChange): Promise<JsonObject> => {
      current = await this.#instances.changeConfig(name, config, change)
      return current
    }
    try {
      const asked = { ...about, type, config, allowedNetworks, onConfigChanged, changeConfig }
      const answer = await sources.ask(asked)
      if (answer !== undefined) return answer
    } catch (thrown) {
      const error = await this.#explained(name, current, thrown)
      throw maskedError(error, scrubber(secrets))
    } finally {
      await kept
    }
    const details = { instance: name, seconds: about.timeoutMs / 1000 }
    throw new ConnectError('source_timed_out', { details })
  }

  /** With the error of the instance where the source says that its authorization is lost. */
  async #explained(name: string, config: JsonObject, error: unknown): Promise<unknown> {
    if (!(error instanceof ConnectError) || error.code !== 'source_authorization_lost') return error
    const { reason } = error.details
    return this.#instances.authorizationLost(name, {
      config,
      reason: typeof reason === 'string' ? reason : error.message,
    })
  }
}

function otherAnswer(): TypeError {
  return new TypeError('a source answered another question than it was asked')
}

/** A source may put what it was given into a description or a default. */
function withoutSecrets(catalog: AirbyteCatalog, secrets: readonly string[]): AirbyteCatalog {
  const text = JSON.stringify(catalog)
  const scrubbed = scrubber(secrets)(text)
  return scrubbed === text ? catalog : (JSON.parse(scrubbed) as AirbyteCatalog)
}
