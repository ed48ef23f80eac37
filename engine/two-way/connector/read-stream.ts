import type { Connector, ConnectorContext, RecordOutput } from '../../../connectors/connector.ts'
import {
  ConnectError,
  type ConfiguredAirbyteStream,
  type JsonValue,
  type JsonObject,
  type RecordData,
} from '../../../protocol/index.ts'
import type { ObjectShape } from './object-shape.ts'

/** A configured connector. */
export interface ConnectorSource {
  readonly connector: Connector
  /** With its secrets. */
  readonly config: JsonObject
  readonly context: ConnectorContext
}

/** Where an incremental read goes on, by slice. */
export type ReadStates = Readonly<Record<string, JsonValue>>

/** The field of a connector that says when a record was deleted. */
export const deletedAt = '_ab_cdc_deleted_at'

/**
 * Reads an object as `connect` does: all of it, or, if it has a cursor and `states` is not empty, its changes
 * since then.
 * @param visit called with some of the records at a time, in the connector's order
 * @returns where the next read of changes begins; empty without a cursor
 */
export async function readStream(
  { connector, config, context }: ConnectorSource,
  shape: ObjectShape,
  {
    states,
    visit,
  }: {
    readonly states: ReadStates
    readonly visit: (records: readonly RecordData[]) => Promise<void>
  },
): Promise<ReadStates> {
  const stream = streamOf(shape)
  const isIncremental = stream.sync_mode === 'incremental'
  const ends = new Map<string, JsonValue>()
  await using session = await connector.openRead(config, context, [{ name: stream.stream.name }])
  const known = new Map<string, JsonValue | null>(isIncremental ? Object.entries(states) : [])
  for (const { slice, state } of await session.plan(stream, known)) {
    const shared = session.sharedWith?.(stream) ?? session.shared
    const task = { config, stream, slice, state, session: shared }
    const output = outputTo(shape, visit, (end) => ends.set(slice, end))
    const outcome = await connector.read(task, output, context)
    // A part of the records would look as if the others were gone.
    if (outcome === 'stopped') context.signal.throwIfAborted()
  }
  return isIncremental ? Object.fromEntries(ends) : {}
}

function streamOf(shape: ObjectShape): ConfiguredAirbyteStream {
  const { fields, constants, key, deleted } = shape
  const { cursor, object: name } = shape.options
  const own = [
    key,
    ...[...fields.values(), ...constants, deleted].flatMap((field) => field?.name ?? []),
  ]
  const names = [...own, ...(cursor === undefined ? [] : [cursor, deletedAt])]
  const properties = Object.fromEntries(names.map((property) => [property, {}]))
  const stream = {
    ...{ name, json_schema: { type: 'object', properties } },
    source_defined_primary_key: [[key]],
  }
  if (cursor === undefined)
    return {
      stream: { ...stream, supported_sync_modes: ['full_refresh'] },
      ...{ sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' },
    }
  return {
    stream: { ...stream, supported_sync_modes: ['full_refresh', 'incremental'] },
    ...{ sync_mode: 'incremental', destination_sync_mode: 'append_dedup', cursor_field: [cursor] },
  }
}

function outputTo(
  { stream }: ObjectShape,
  visit: (records: readonly RecordData[]) => Promise<void>,
  onState: (state: JsonValue) => void,
): RecordOutput {
  return {
    records: visit,
    copyText: () => {
      const problem = 'its connector gives rows of a database, and not records'
      const fix = 'Use the database itself as the side.'
      throw new ConnectError('pair_stream_invalid', { details: { stream, problem, fix } })
    },
    state: (state) => {
      onState(state)
      return Promise.resolve()
    },
    rateLimited: () => undefined,
  }
}
