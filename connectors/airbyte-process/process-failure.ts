import { ConnectError, cutText, type AirbyteTrace } from '../../protocol/index.ts'
import type { ProcessDefinition } from './definition.ts'
import type { ProcessEnd } from './supervised-process.ts'

type TraceError = Extract<AirbyteTrace, { type: 'ERROR' }>['error']

const maxReasonCharacters = 1_000

const codes = {
  config_error: 'source_refused',
  transient_error: 'source_unavailable',
  system_error: 'airbyte_process_failed',
} as const

/** The error that a connector reported in a TRACE message. `subject`: the thing that failed. */
export function traceFailure(error: TraceError, subject: string): ConnectError {
  const { message, internal_message: internal, failure_type: type = 'system_error' } = error
  // Users cannot act on "Something went wrong in the connector".
  const isAdded = type === 'system_error' && internal != null && !message.includes(internal)
  const reason = cutText(isAdded ? `${message} (${internal})` : message, maxReasonCharacters)
  return new ConnectError(codes[type], { details: { subject, reason } })
}

/** The error of a process that ended in this way; undefined if it ended well. */
export function endFailure(
  end: ProcessEnd,
  {
    definition,
    lastLines,
    subject,
  }: {
    readonly definition: ProcessDefinition
    readonly lastLines: readonly string[]
    readonly subject: string
  },
): ConnectError | undefined {
  const { name, command } = definition
  const limit = (reason: string, option: string): ConnectError =>
    new ConnectError('airbyte_process_limit', { details: { subject, reason, option, name } })
  switch (end.kind) {
    case 'exit':
      return exitFailure(end.code, { name, program: command[0] ?? '', lastLines, subject })
    case 'signal': {
      const cause = end.signal === 9 ? ', as when the machine has no memory left' : ''
      const reason = `signal ${end.signal} ended the connector${cause}`
      return new ConnectError('airbyte_process_failed', { details: { subject, reason } })
    }
    case 'memory':
      return limit(`it used more than ${definition.max_memory_mb} MB of memory`, '--max-memory-mb')
    case 'silence':
      return limit(
        `it sent nothing for ${definition.max_silence_seconds} seconds`,
        '--max-silence-seconds',
      )
    case 'time':
      return limit(`it took more than ${definition.max_ask_seconds} seconds`, '--max-ask-seconds')
    case 'stopped':
      return undefined
  }
}

function exitFailure(
  code: number,
  {
    name,
    program,
    lastLines,
    subject,
  }: {
    readonly name: string
    readonly program: string
    readonly lastLines: readonly string[]
    readonly subject: string
  },
): ConnectError | undefined {
  if (code === 0) return undefined
  const text = cutText(lastLines.join(' | '), maxReasonCharacters)
  // Codes of the shell.
  if (code === 126 || code === 127) {
    const details = { name, program, reason: text }
    return new ConnectError('airbyte_process_not_started', { details })
  }
  const reason = `the connector ended with exit code ${code}${text === '' ? '' : `: ${text}`}`
  return new ConnectError('airbyte_process_failed', { details: { subject, reason } })
}
