import type { Connector } from '../../connectors/connector.ts'
import { isJsonObject, withOwnText, type ConfiguredAirbyteStream } from '../../protocol/index.ts'
import type { KeyedRules } from '../../protocol/rules/record-rules.ts'
import type { SinkStream } from '../../sinks/sink.ts'
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

/**
 * The stream as `begin` wants it (`StreamSync.sink`): columns that it takes as PostgreSQL's own text are read
 * as such, under the names of the source. Masked columns are texts of the mask.
 */
export function withForms(planned: PlannedStream, { stream, columns }: SinkStream): PlannedStream {
  const { source } = planned
  if (source === undefined) return { ...planned, stream, columns }
  const wanted = new Map(columns.map((column) => [column.name, column]))
  const ownText = new Set(
    source.rules.columns.flatMap(({ name, newName, kind, mask }) => {
      const { kind: form, postgres_type: type } = wanted.get(newName) ?? {}
      const isOwnText = form === 'string' && type !== undefined && form !== kind
      return isOwnText && mask === undefined ? [name] : []
    }),
  )
  const { stream: read } = source.stream
  const json_schema = withOwnText(read.json_schema, ownText)
  const rules = {
    ...source.rules,
    columns: source.rules.columns.map((column) =>
      ownText.has(column.name) ? { ...column, kind: 'string' as const } : column,
    ),
  }
  const typed = { ...source.stream, stream: { ...read, json_schema } }
  return { ...planned, stream, columns, source: { stream: typed, rules } }
}
