import type { Logger } from '../../manifest-interpreter/contracts.ts'
import type { LogLevel } from '../run/log-levels.ts'

/** From what is always written to what rarely is. */
const severities = ['error', 'warn', 'info', 'debug', 'trace'] as const
type Severity = (typeof severities)[number]

/** A LOG message of the Airbyte protocol. */
export interface LogMessage {
  readonly level: string
  readonly message: string
}

/** The logger of a source on the command line: pino would take a fifth of the time that a check takes. */
export function protocolLogger(level: LogLevel, write: (log: LogMessage) => void): Logger {
  const written = severities.slice(0, severities.findIndex((severity) => severity === level) + 1)
  const log =
    (severity: Severity) =>
    (first: unknown, text = ''): void => {
      if (!written.includes(severity)) return
      const message = typeof first === 'string' ? first : `${text} ${factsText(first)}`
      write({ level: severity.toUpperCase(), message })
    }
  return { debug: log('debug'), info: log('info'), warn: log('warn') }
}

/** JSON, with an error as its name and its message. */
function factsText(facts: unknown): string {
  return JSON.stringify(facts, (_key, value: unknown) =>
    value instanceof Error ? { type: value.name, message: value.message } : value,
  )
}
