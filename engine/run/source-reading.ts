import type { Connector } from '../../connectors/connector.ts'
import {
  asOwnText,
  columnsOf,
  isJsonObject,
  type ConfiguredAirbyteStream,
} from '../../protocol/index.ts'
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
  const asked = new Map(columns.map((column) => [column.name, column]))
  const { stream: read } = source.stream
  const own = new Set(
    source.rules.columns.flatMap(({ name, newName, kind, mask }) => {
      const { kind: wanted, postgres_type: type } = asked.get(newName) ?? {}
      const isAsked = wanted === 'string' && type !== undefined && wanted !== kind
      return isAsked && mask === undefined ? [name] : []
    }),
  )
  if (own.size === 0) return { ...planned, stream, columns }
  const declared = isJsonObject(read.json_schema.properties) ? read.json_schema.properties : {}
  const properties = Object.entries(declared).map(([name, property]) => {
    return [name, own.has(name) && isJsonObject(property) ? asOwnText(property) : property] as const
  })
  const json_schema = { ...read.json_schema, properties: Object.fromEntries(properties) }
  const kinds = new Map(columnsOf(json_schema).map(({ name, kind }) => [name, kind]))
  const rules = {
    ...source.rules,
    columns: source.rules.columns.map((column) => ({
      ...column,
      kind: kinds.get(column.name) ?? column.kind,
    })),
  }
  const typed = { ...source.stream, stream: { ...read, json_schema } }
  return { ...planned, stream, columns, source: { stream: typed, rules } }
}
