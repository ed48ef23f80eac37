import {
  ConnectError,
  isJsonList,
  isJsonObject,
  parseExactJson,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'

/** A stream as its states name it. */
interface StreamName {
  readonly name: string
  readonly namespace?: string | undefined
}

/**
 * A state of a connector, as a checkpoint stores it: the message without its counts, in one of Airbyte's
 * three forms. It was written by a process that read one stream only, so each form covers that stream alone
 * (ADR 22). Undefined if it is the state of another stream.
 */
export function savedState(state: JsonObject, stream: StreamName): JsonValue | undefined {
  if (state.type !== 'STREAM' && state.type !== 'GLOBAL')
    return portable({ type: 'LEGACY', data: state.data ?? {} })
  if (state.type === 'GLOBAL') return portable({ type: 'GLOBAL', global: state.global ?? null })
  if (!isStateOf(state.stream, stream)) return undefined
  return portable({ type: 'STREAM', stream: state.stream ?? null })
}

/** As text if it has numbers with more digits than a double: it crosses threads, and is stored as JSON. */
function portable(state: JsonObject): JsonValue {
  const text = JSON.stringify(state)
  const plain = JSON.parse(text) as JsonValue
  return JSON.stringify(plain) === text ? plain : { type: 'TEXT', text }
}

/** The contents of the file for `--state`; undefined if the read begins without one. */
export function stateFile(saved: JsonValue | null, stream: string): JsonValue | undefined {
  if (saved === null) return undefined
  if (!isJsonObject(saved)) throw invalidState(stream)
  if (saved.type === 'TEXT' && typeof saved.text === 'string')
    return stateFile(parseExactJson(saved.text), stream)
  if (saved.type === 'STREAM' || saved.type === 'GLOBAL') return [saved]
  if (saved.type === 'LEGACY') return saved.data ?? {}
  throw invalidState(stream)
}

/** The records since the previous state, as the connector counted them; undefined if it did not. */
export function countOfState({ sourceStats: stats }: JsonObject): number | undefined {
  return isJsonObject(stats) && typeof stats.recordCount === 'number'
    ? stats.recordCount
    : undefined
}

function isStateOf(state: JsonValue | undefined, { name, namespace }: StreamName): boolean {
  if (!isJsonObject(state) || isJsonList(state)) return false
  const { stream_descriptor: descriptor } = state
  if (!isJsonObject(descriptor)) return false
  return descriptor.name === name && (descriptor.namespace ?? undefined) === namespace
}

function invalidState(stream: string): ConnectError {
  const reason = 'it is not a state of an Airbyte connector'
  return new ConnectError('source_state_invalid', { details: { stream, reason } })
}
