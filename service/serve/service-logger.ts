import { pino, type Logger } from 'pino'
import { secretMask } from '../../protocol/secrets/secret-mask.ts'

/** The log of the process: one JSON object per line, with its level by name and its time in ISO 8601. */
export function createServiceLogger(options: {
  readonly level: string
  readonly write: (line: string) => void
}): Logger {
  const { level, write } = options
  return pino(
    {
      level,
      base: null,
      redact: { paths: redacted, censor: secretMask },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write },
  )
}

/** Places where credentials could be if code logged a configuration, a request or a client. */
const redacted = [
  'password',
  'secret',
  'token',
  'authorization',
  'url',
  'connectionString',
  'sasl',
  'config',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
