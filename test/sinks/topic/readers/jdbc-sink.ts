import type { Connector } from '../../../kafka/connect/connect-worker.ts'
import type { TestDatabase } from '../../../support/postgres.ts'

export interface JdbcSink {
  readonly database: TestDatabase
  readonly topic: string
  /** `schema.table` */
  readonly table: string
  readonly settings?: Readonly<Record<string, string>>
}

/** Debezium's JDBC sink: the topic becomes a table, a row for each key. */
export function jdbcSink({ database, topic, table, settings = {} }: JdbcSink): Connector {
  const { host, port, database: name, user, password } = database.address
  return {
    name: table,
    config: {
      'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
      topics: topic,
      // A text may go into a column of another type.
      'connection.url': `jdbc:postgresql://${host}:${port}/${name}?stringtype=unspecified&reWriteBatchedInserts=true`,
      'connection.username': user,
      'connection.password': password,
      'collection.name.format': table,
      'primary.key.mode': 'record_key',
      'insert.mode': 'upsert',
      'delete.enabled': 'true',
      'schema.evolution': 'basic',
      // A map, for which the sink takes PostgreSQL's extension hstore.
      'field.exclude.list': '_airbyte_overflow',
      'consumer.override.isolation.level': 'read_committed',
      'consumer.override.auto.offset.reset': 'earliest',
      ...settings,
    },
  }
}

/** Keys and values in Avro, with Confluent's wire format, by schemas in the registry. */
export function avroConverters(registryUrl: string): Readonly<Record<string, string>> {
  const converter = {
    '': 'io.apicurio.registry.utils.converter.AvroConverter',
    '.apicurio.registry.url': registryUrl,
    '.apicurio.registry.as-confluent': 'true',
    '.apicurio.registry.use-id': 'contentId',
  }
  return Object.fromEntries(
    ['key', 'value'].flatMap((side) =>
      Object.entries(converter).map(([name, value]) => [`${side}.converter${name}`, value]),
    ),
  )
}

/** A type of Kafka Connect, or a whole one of its schemas. */
type FieldTypes = Readonly<Record<string, string | object>>

/** Keys and values in JSON without a schema: Kafka Connect 4.2 and later have it in the configuration. */
export function jsonConverters(
  types: Readonly<Record<'key' | 'value', FieldTypes>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (['key', 'value'] as const).flatMap((side) =>
      Object.entries({
        '': 'org.apache.kafka.connect.json.JsonConverter',
        '.schemas.enable': 'true',
        '.schema.content': JSON.stringify(structOf(types[side])),
      }).map(([name, value]) => [`${side}.converter${name}`, value]),
    ),
  )
}

function structOf(types: FieldTypes): object {
  return {
    type: 'struct',
    fields: Object.entries(types).map(([field, type]) => ({
      field,
      ...(typeof type === 'string' ? { type } : type),
      optional: field !== 'id',
    })),
  }
}
