import { ConnectError } from '../../protocol/errors/connect-error.ts'
import { get, isDict } from '../value/dict.ts'
import type { Dict, Value } from '../value/value.ts'

/** The states of a list of AirbyteStateMessage, by stream. A GLOBAL state may not share anything between streams. */
export function inputStates(messages: readonly Value[]): ReadonlyMap<string, Dict> {
  const [first] = messages
  if (messages.length === 1 && isDict(first) && get(first, 'type') === 'GLOBAL')
    return new Map(globalStates(get(first, 'global') ?? null))
  return new Map(
    messages.flatMap((message) =>
      isDict(message) && get(message, 'type') === 'STREAM'
        ? streamState(get(message, 'stream') ?? null)
        : [],
    ),
  )
}

function globalStates(state: Value): [string, Dict][] {
  if (!isDict(state)) return []
  const shared = get(state, 'shared_state') ?? null
  if (isDict(shared) && Object.keys(shared).length > 0)
    throw new ConnectError('source_file_unusable', {
      details: {
        file: 'The state',
        reason:
          'it is a GLOBAL state with a shared_state, which no manifest writes. Leave the state out to read from the start',
      },
    })
  const states = get(state, 'stream_states')
  return Array.isArray(states) ? states.flatMap(streamState) : []
}

function streamState(stream: Value): [string, Dict][] {
  if (!isDict(stream)) return []
  const descriptor = get(stream, 'stream_descriptor') ?? null
  const name = isDict(descriptor) ? get(descriptor, 'name') : undefined
  const state = get(stream, 'stream_state') ?? null
  return typeof name === 'string' && isDict(state) ? [[name, state]] : []
}
