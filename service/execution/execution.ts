import type { Logger } from 'pino'
import type { ConnectError } from '../../protocol/index.ts'
import { Mask } from './mask.ts'
import { maskedLogger, type MaskedLoggerOptions } from './masked-logger.ts'
import { SharedConfig, type SharedConfigOptions } from './shared-config.ts'

export type ExecutionOptions = Omit<MaskedLoggerOptions, 'mask'>

/**
 * Whatever reaches a source or a destination (a run, a sandbox, a check, a discovery) is one of these: it has the logger, the
 * mask of secrets, the exchange of changed tokens and the text of errors, so that none of them can be forgotten.
 */
export class Execution {
  readonly logger: Logger
  readonly #mask = new Mask()

  constructor(options: ExecutionOptions) {
    this.logger = maskedLogger({ ...options, mask: this.#mask })
  }

  /** Secrets, as soon as they are known. */
  hide(secrets: Iterable<string>): void {
    this.#mask.add(secrets)
  }

  /** A secret that soon gives way to others. */
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

  /** A document, also where secrets are the names of its properties. */
  document<Document>(document: Document): Document {
    const text = JSON.stringify(document)
    const masked = this.text(text)
    return masked === text ? document : (JSON.parse(masked) as Document)
  }

  /** Whatever was thrown, without secrets. */
  error(thrown: unknown): ConnectError {
    return this.#mask.error(thrown)
  }

  /** The result of a stream: its warnings and its error without secrets. */
  outcome<Outcome extends Parameters<Mask['outcome']>[0]>(outcome: Outcome): Outcome {
    return this.#mask.outcome(outcome)
  }
}
