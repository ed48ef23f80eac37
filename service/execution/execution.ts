import type { Logger } from 'pino'
import type { ConnectError, JsonValue } from '../../protocol/index.ts'
import type { SourceAnswer } from '../../engine/threads/protocol.ts'
import { maskCatalog } from './mask-catalog.ts'
import { resetsOfService } from '../../lib/text/reset-commands.ts'
import { Mask } from '../../protocol/secrets/mask.ts'
import { maskedLogger, type MaskedLoggerOptions } from './masked-logger.ts'
import { SharedConfig, type SharedConfigOptions } from './shared-config.ts'

export type ExecutionOptions = Omit<MaskedLoggerOptions, 'mask'>

/**
 * Everything that accesses a source or a destination (a run, a sandbox, a check, a discovery) is one of
 * these: it has the logger, the mask of secrets, the exchange of changed tokens and the text of errors, so
 * that none of them can be forgotten.
 */
export class Execution {
  readonly logger: Logger
  readonly #mask: Mask

  constructor(options: ExecutionOptions) {
    this.#mask = new Mask((failure) => {
      options.logger.error(
        { ...options.facts, failure },
        'a text could not be masked: it is left out',
      )
    })
    this.logger = maskedLogger({ ...options, mask: this.#mask })
  }

  /** Hides secrets. Call it as soon as they are known. */
  hide(secrets: Iterable<string>): void {
    this.#mask.add(secrets)
  }

  /** Hides secrets that replace others repeatedly. */
  hideChanged(secrets: Iterable<string>): void {
    this.#mask.addChanged(secrets)
  }

  /** Hides a secret that is soon replaced by others. */
  hidePassing(secret: string): void {
    this.#mask.addPassing(secret)
  }

  /** Hides its secrets, and those that the source replaces them with. */
  shareConfig(options: SharedConfigOptions): SharedConfig {
    this.hide(options.source.secrets)
    return new SharedConfig(this, options)
  }

  text(text: string): string {
    return this.#mask.text(text)
  }

  /** A document that the source or the vendor wrote, without secrets. */
  document(value: JsonValue): JsonValue {
    return this.#mask.whole(value)
  }

  /** The source's response, without secrets. */
  answer(answer: SourceAnswer): SourceAnswer {
    if (answer.question === 'discover')
      return { ...answer, catalog: maskCatalog(answer.catalog, (text) => this.text(text)) }
    const { message } = answer.status
    if (message === undefined) return answer
    return { ...answer, status: { ...answer.status, message: this.#mask.showBeginning(message) } }
  }

  /** Any thrown error, without secrets. */
  error(thrown: unknown): ConnectError {
    return this.#mask.error(thrown)
  }

  /** The warnings, without secrets, and with the commands of the service. */
  warnings(warnings: readonly string[]): readonly string[] {
    return this.#mask.maskOutcome({ warnings: warnings.map(resetsOfService) }).warnings
  }

  /** The result of a stream: its warnings and its error without secrets. */
  maskOutcome<Outcome extends Parameters<Mask['maskOutcome']>[0]>(outcome: Outcome): Outcome {
    const masked = this.#mask.maskOutcome(outcome)
    return { ...masked, warnings: masked.warnings.map(resetsOfService) }
  }
}
