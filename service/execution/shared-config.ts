import type { Logger } from 'pino'
import type { ConnectError, JsonObject } from '../../protocol/index.ts'
import type { ChangedConfigs, ConfigChange, ResolvedConfig } from './resolved-config.ts'
import { ConfigKeeper } from './config-keeper.ts'
import { newTexts } from '../../protocol/secrets/mask.ts'

export interface SharedConfigOptions {
  /** Its name. */
  readonly instance: string
  readonly source: ResolvedConfig
  readonly instances: ChangedConfigs
}

/** The parts of the execution that it uses. */
interface MaskingExecution {
  readonly logger: Logger
  hideChanged(secrets: Iterable<string>): void
  hidePassing(secret: string): void
}

/**
 * The configuration of a source while it is executed: changes by the source are masked first, then stored.
 */
export class SharedConfig {
  readonly #execution: MaskingExecution
  readonly #options: SharedConfigOptions
  readonly #keeper: ConfigKeeper
  #current: JsonObject
  #failure: ConnectError | undefined

  constructor(execution: MaskingExecution, options: SharedConfigOptions) {
    const { instance, source, instances } = options
    this.#execution = execution
    this.#options = options
    this.#current = source.config
    this.#keeper = new ConfigKeeper(
      (config) => instances.keepConfig(instance, config, source.config),
      (error) => {
        this.#failure = error
        execution.logger.error(
          { instance, code: error.code, reason: error.message },
          'a token that the source replaced could not be stored: authorize the instance again',
        )
      },
    )
  }

  /** The configuration with the latest tokens, which all executions of the instance share. */
  get current(): JsonObject {
    return this.#current
  }

  readonly onConfigChanged = (config: JsonObject): void => {
    this.#hide(config)
    this.#keeper.noteChange(config)
  }

  readonly onSecretFound = (text: string): void => {
    this.#execution.hidePassing(text)
  }

  /** A refreshed token becomes the token of every execution of the instance. */
  readonly changeConfig = async (change: ConfigChange): Promise<JsonObject> => {
    const { instance, source, instances } = this.#options
    const changed = await instances.changeConfig(instance, source.config, async (stored) => {
      this.#hide(stored)
      const next = await change(stored)
      if (next !== null) this.#hide(next)
      return next
    })
    this.#hide(changed)
    this.#current = changed
    return changed
  }

  /** The callbacks that the engine needs for the source. */
  get ports(): Pick<SharedConfig, 'onConfigChanged' | 'onSecretFound' | 'changeConfig'> {
    const { onConfigChanged, onSecretFound, changeConfig } = this
    return { onConfigChanged, onSecretFound, changeConfig }
  }

  /** Resolves when the changes are stored, or the attempts have lasted long enough: then with the failure. */
  async waitUntilSettled(): Promise<ConnectError | undefined> {
    await this.#keeper.waitUntilSettled()
    return this.#failure
  }

  #hide(config: JsonObject): void {
    this.#execution.hideChanged(newTexts(config, this.#options.source.config))
  }
}
