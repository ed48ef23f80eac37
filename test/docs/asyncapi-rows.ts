import { z } from 'zod'
import { columnKinds, type Column, type ConfiguredAirbyteStream } from '../../protocol/index.ts'
import { checkpointKey } from '../../sinks/topic/bookkeeping/records.ts'
import { messageSchemas } from '../../sinks/topic/rows/message-schemas.ts'
import type { MessageSchemas, RowFormat } from '../../sinks/topic/rows/row-options.ts'
import {
  controlValues,
  rejectedRowValue,
  rowHeaders,
  streamMessageKey,
} from '../../sinks/topic/topic-messages.ts'
import { jsonSchema, keyBinding, keyed } from './asyncapi-parts.ts'

/**
 * The columns of the stream whose rows the document shows: a key, a column of each kind, and the mark of
 * deleted rows.
 */
export const exampleColumns: readonly Column[] = [
  { name: 'id', kind: 'integer' },
  ...columnKinds.map((kind) => ({ name: `a_${kind}`, kind })),
  { name: '_ab_cdc_deleted_at', kind: 'timestamptz' },
]
export const exampleTopic = 'shop.orders'

const stream: ConfiguredAirbyteStream = {
  stream: {
    name: 'orders',
    json_schema: {},
    supported_sync_modes: ['full_refresh', 'incremental'],
  },
  sync_mode: 'incremental',
  destination_sync_mode: 'append_dedup',
  primary_key: [['id']],
}

/** The channels of the destination `topic:NAME`. */
export const rowChannels = {
  rows: {
    address: '{topic}',
    title: 'Rows of a stream',
    description:
      'One topic for each stream that a destination `topic:NAME` loads. All of its messages have one form: one of the four, and tombstones. Compacted, but for the mode `append`: cleanup policy delete. `docs/topic-destination.md` (Messages) says what each kind of column becomes.',
    parameters: {
      topic: {
        description:
          'NAME, with the names of the stream for the placeholders `{namespace}` and `{stream}`. Not `connect.`, `connect-`, `connect_` or `__` at its beginning',
        examples: [exampleTopic],
      },
    },
    messages: refs('jsonRow', 'jsonEnvelope', 'avroRow', 'avroEnvelope', 'tombstone'),
  },
  control: {
    address: 'connect-control',
    title: 'Begins and ends of syncs of row topics',
    description: 'One partition. Cleanup policy: delete.',
    messages: refs('syncStarted', 'syncComplete'),
  },
  rejected: {
    address: 'connect-rejected',
    title: 'Records that are in no row topic',
    description: 'One partition. Cleanup policy: delete.',
    messages: refs('rejectedRow'),
  },
  checkpoints: {
    address: 'connect-checkpoints.{connection}',
    title: 'What was loaded into row topics',
    description: 'Compacted, one partition. No interface: the values may change with any release.',
    parameters: { connection: { description: 'Name of the connection' } },
    messages: refs('checkpoint'),
  },
}

const json = schemasOf({ encoding: 'json', envelope: 'row' })
const jsonEnveloped = schemasOf({ encoding: 'json', envelope: 'debezium' })
const avro = schemasOf({ encoding: 'avro', envelope: 'row' })
const avroEnveloped = schemasOf({ encoding: 'avro', envelope: 'debezium' })

const headers = jsonSchema(rowHeaders)
const columnsNote =
  'The columns are those of a stream with one of each kind; another stream has its own. Without `metadata: full` the last four fields of a row are not there.'
const avroNote = `In Confluent's framing if a schema registry has the schema, under \`TOPIC-key\` and \`TOPIC-value\`. Else in Avro single-object encoding: the schema is in \`connect.schemas\`, and its namespace ends with \`.v\` and a digest of the columns. ${columnsNote}`

export const rowMessages = {
  jsonRow: {
    summary: 'A row: `format: json`, `envelope: row`',
    description: columnsNote,
    headers,
    bindings: keyBinding(keySchema(json)),
    payload: { $ref: '#/components/schemas/jsonRow' },
  },
  jsonEnvelope: {
    summary: "A row in Debezium's envelope: `format: json`, `envelope: debezium`",
    description: columnsNote,
    headers,
    bindings: keyBinding(keySchema(jsonEnveloped)),
    payload: withoutDraft(jsonEnveloped.value.schema),
  },
  avroRow: {
    summary: 'A row: `format: avro`, `envelope: row`',
    description: avroNote,
    contentType: 'avro/binary',
    headers,
    bindings: keyBinding(keySchema(avro)),
    payload: avroPayload(avro),
  },
  avroEnvelope: {
    summary: "A row in Debezium's envelope: `format: avro`, `envelope: debezium`",
    description: avroNote,
    contentType: 'avro/binary',
    headers,
    bindings: keyBinding(keySchema(avroEnveloped)),
    payload: avroPayload(avroEnveloped),
  },
  tombstone: {
    summary: 'The row of the key is gone',
    description: 'The key is that of the rows, and there is no value.',
    headers,
    payload: { type: 'null' },
  },
  syncStarted: keyed(
    'A sync of a stream begins',
    jsonSchema(streamMessageKey),
    jsonSchema(controlValues.sync_started),
  ),
  syncComplete: keyed(
    'All rows and tombstones of a sync are in the topic of the stream',
    jsonSchema(streamMessageKey),
    jsonSchema(controlValues.sync_complete),
  ),
  rejectedRow: keyed(
    'A record that was left out',
    jsonSchema(streamMessageKey),
    jsonSchema(rejectedRowValue),
  ),
  checkpoint: keyed(
    'The last run; the last sync of a stream; how far a slice was loaded; where the log goes on. Without a value: it is forgotten',
    jsonSchema(checkpointKey),
    { description: 'Internal JSON' },
  ),
}

/** The schemas that messages refer to. */
export const rowSchemas = { jsonRow: withoutDraft(json.value.schema) }

function schemasOf(format: RowFormat): MessageSchemas {
  return messageSchemas({
    topic: exampleTopic,
    sink: {
      connection: 'shop',
      stream,
      mode: 'append_dedup',
      metadata: 'full',
      deletes: 'hard',
    },
    columns: exampleColumns,
    format,
    lookup: 'registry',
  })
}

function refs(...names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]))
}

function keySchema({ key }: MessageSchemas): object {
  if (key === undefined) throw new Error('the example has a key')
  return withoutDraft(key.schema)
}

function avroPayload({ value }: MessageSchemas): object {
  return { schemaFormat: 'application/vnd.apache.avro;version=1.9.0', schema: value.schema }
}

/** The row of an envelope is the one that stands alone. */
function withoutDraft(schema: unknown): object {
  const fields = Object.entries(z.record(z.string(), z.unknown()).parse(schema))
  const own = fields.filter(([name]) => name !== '$schema' && name !== 'definitions')
  const text = JSON.stringify(Object.fromEntries(own))
  const linked = text.replaceAll('#/definitions/Value', '#/components/schemas/jsonRow')
  return z.record(z.string(), z.json()).parse(JSON.parse(linked))
}
