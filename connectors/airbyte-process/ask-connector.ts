import {
  ConnectError,
  type AirbyteMessage,
  type AirbyteTrace,
  type JsonObject,
} from '../../protocol/index.ts'
import type { ConnectorContext } from '../connector.ts'
import { ConnectorLog } from './connector-log.ts'
import { connectorOutput, type ConnectorOutput } from './connector-messages.ts'
import type { ProcessDefinition } from './definition.ts'
import { endFailure, traceFailure } from './process-failure.ts'
import { startConnector, type ConnectorCall } from './start-connector.ts'

type Answer = 'SPEC' | 'CONNECTION_STATUS' | 'CATALOG'
type MessageOf<Type extends Answer> = Extract<AirbyteMessage, { type: Type }>
type TraceError = Extract<AirbyteTrace, { type: 'ERROR' }>['error']

type AskContext = Pick<ConnectorContext, 'logger' | 'signal' | 'configChanged'>

/**
 * Runs `spec`, `check` or `discover` and returns its message. Throws if there is none, or if the process
 * fails.
 */
export async function askConnector<Type extends Answer>(
  definition: ProcessDefinition,
  call: ConnectorCall & { readonly answer: Type },
  context: AskContext,
): Promise<MessageOf<Type>> {
  const subject = `\`${call.command}\` of ${definition.name}`
  const log = new ConnectorLog(context.logger)
  await using started = startConnector(definition, call, log.errorLine)
  const { process } = started
  const stop = (): void => {
    process.stop()
  }
  context.signal.addEventListener('abort', stop, { once: true })
  let answer: MessageOf<Type> | undefined
  let failure: TraceError | undefined
  let invalid: string | undefined
  try {
    for await (const batch of connectorOutput(process.output()))
      for (const output of batch) {
        if (isAnswer(output, call.answer)) answer ??= output.message
        else if (output.kind === 'invalid') invalid ??= output.reason
        else failure ??= noteOutput(output, { log, context })
      }
  } finally {
    context.signal.removeEventListener('abort', stop)
  }
  const end = await process.ended
  context.signal.throwIfAborted()
  if (answer !== undefined) return answer
  if (failure !== undefined) throw traceFailure(failure, subject)
  const { lastLines } = process
  const failed = endFailure(end, { definition, lastLines, subject })
  if (failed !== undefined) throw failed
  const reason = invalid ?? `it ended without a message ${call.answer}`
  throw new ConnectError('airbyte_message_invalid', { details: { subject, reason } })
}

/** Logs it, or returns the error that it reports. */
export function noteOutput(
  output: ConnectorOutput,
  { log, context }: { readonly log: ConnectorLog; readonly context: Omit<AskContext, 'signal'> },
): TraceError | undefined {
  if (output.kind === 'text') log.textLine(output.text)
  if (output.kind !== 'message') return undefined
  const { message } = output
  if (message.type === 'LOG') log.log(message.log)
  if (message.type === 'CONTROL')
    context.configChanged?.(withoutInjected(message.control.connectorConfig.config))
  if (message.type !== 'TRACE' || message.trace.type !== 'ERROR') return undefined
  log.trace(message.trace.error)
  return message.trace.error
}

/** The CDK puts a manifest into the configuration that it works with. */
function withoutInjected(config: JsonObject): JsonObject {
  const own = Object.entries(config).filter(([name]) => !name.startsWith('__injected_'))
  return Object.fromEntries(own)
}

function isAnswer<Type extends Answer>(
  output: ConnectorOutput,
  type: Type,
): output is { readonly kind: 'message'; readonly message: MessageOf<Type> } {
  return output.kind === 'message' && output.message.type === type
}
