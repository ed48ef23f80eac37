import { pino, type Logger } from 'pino'
import { secretMask } from '../../protocol/secrets/secret-mask.ts'
import { plainText } from '../output/plain-text.ts'
import type { LogLevel } from './log-levels.ts'

export interface LogLinesOptions {
  readonly level: LogLevel
  readonly writeLine: (text: string) => void
}

/** The logger of a run: every entry becomes one line of text for the same place as the progress. */
export function createLogger({ level, writeLine }: LogLinesOptions): Logger {
  return pino(
    { level, base: null, redact: { paths: redacted, censor: secretMask } },
    {
      write: (entry) => {
        writeLine(logLine(entry))
      },
    },
  )
}

/** Where credentials could stand if somebody logged a configuration. */
const redacted = ['password', 'secret', 'token', 'url', 'sasl'].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
])

/** `12:03:04.120 WARN stream failed, trying again  stream=public.customers code=source_unreachable` */
export function logLine(entry: string): string {
  const fields: unknown = JSON.parse(entry)
  if (typeof fields !== 'object' || fields === null) return plainText(entry.trimEnd())
  const { level, time, msg, ...facts } = Object.fromEntries(Object.entries(fields))
  const clock = typeof time === 'number' ? new Date(time).toISOString().slice(11, 23) : ''
  const shown = Object.entries(facts).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const parts = [clock, levelName(level), typeof msg === 'string' ? msg : '', ...shown]
  return plainText(parts.filter((part) => part !== '').join(' '))
}

function levelName(level: unknown): string {
  return (pino.levels.labels[Number(level)] ?? 'info').toUpperCase()
}
