import type { Connector } from '../../connectors/connector.ts'
import { isJsonObject, type ConfiguredAirbyteStream } from '../../protocol/index.ts'
import type { KeyedRules } from '../../protocol/rules/record-rules.ts'
import type { PlannedStream } from '../run-types.ts'

/** A stream as it is read: with the names of the source. Holds a secret: never to be logged. */
export interface SourceReading {
  readonly stream: ConfiguredAirbyteStream
  /** Absent if the destination gets the records as they are. */
  readonly rules?: KeyedRules
}

/**
 * A source that applies no rules itself also declares the columns that only the condition needs: it may ask
 * for properties by name.
 */
export function sourceReading(
  { stream, source }: PlannedStream,
  {
    connector,
    maskKey,
  }: {
    readonly connector: Pick<Connector, 'appliesRules'>
    readonly maskKey: string | undefined
  },
): SourceReading {
  if (source === undefined) return { stream }
  const rules = { ...source.rules, ...(maskKey !== undefined && { hashKey: maskKey }) }
  if (connector.appliesRules === true) return { stream: source.stream, rules }
  const { json_schema: schema } = source.stream.stream
  const declared = isJsonObject(schema.properties) ? schema.properties : {}
  const json_schema = { ...schema, properties: { ...declared, ...rules.conditionSchemas } }
  return {
    stream: { ...source.stream, stream: { ...source.stream.stream, json_schema } },
    rules,
  }
}
