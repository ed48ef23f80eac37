import type { Logger } from 'pino'
import {
  cutText,
  passedCharacters,
  type AirbyteLog,
  type AirbyteTrace,
} from '../../protocol/index.ts'

type TraceError = Extract<AirbyteTrace, { type: 'ERROR' }>['error']

/** Passes on the log of a connector: the log of the run masks the secrets in it. */
export class ConnectorLog {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  readonly errorLine = (line: string): void => {
    this.#logger.info({ text: shown(line) }, 'the connector wrote to standard error')
  }

  textLine(line: string): void {
    this.#logger.info({ text: shown(line) }, 'the connector wrote a line that is no message')
  }

  log({ level, message, stack_trace: stack }: AirbyteLog): void {
    const fields = {
      text: shown(message),
      ...(stack !== undefined && { stackTrace: shown(stack) }),
    }
    this.#logger[levels[level]](fields, 'log of the connector')
  }

  trace({ message, internal_message: internal, stack_trace: stack }: TraceError): void {
    const fields = {
      text: shown(message),
      ...(internal != null && { reason: shown(internal) }),
    }
    this.#logger.warn(fields, 'the connector reported an error')
    if (stack != null) this.#logger.debug({ stackTrace: shown(stack) }, 'where the error was')
  }
}

const levels = {
  FATAL: 'error',
  ERROR: 'error',
  WARN: 'warn',
  INFO: 'info',
  DEBUG: 'debug',
  TRACE: 'trace',
} as const

function shown(text: string): string {
  return cutText(text, passedCharacters)
}
