import { format } from 'prettier'
import {
  interfaceVersion,
  messageHeaders,
  messageValues,
  sliceStateKey,
  sliceStateValue,
  streamStateKey,
  streamStateValue,
  type MessageType,
} from '../../engine/log/kafka/message-schemas.ts'
import { jsonSchema, keyed } from './asyncapi-parts.ts'
import { rowChannels, rowMessages, rowSchemas } from './asyncapi-rows.ts'

/** The purpose of each message; docs/topics.md has the rules. */
const summaries: Readonly<Record<MessageType, string>> = {
  PLAN: 'An attempt of a sync begins: what the stream means, and which slices there are',
  BEGIN:
    'An attempt reads a slice from `seq` on: the columns and the schema of the records that follow',
  RECORD:
    'Records in Avro single-object encoding: an array of `count` of them, or one without `count`',
  STORED: 'Records that are an object in Storage, since they are too large for a message',
  REJECTED: 'A record that was left out',
  STATE: 'All records of the slice before `seq` are covered: the end of a unit',
  END: 'The read of a slice has ended',
  CLOSE: 'The attempt writes no more into the partition',
  SYNC_END: 'All slices of the sync are in the topic to their ends',
}

const types = Object.keys(messageHeaders) as MessageType[]

/** docs/asyncapi.json: the topics as an AsyncAPI document, from the schemas that write and read them. */
export async function asyncapiDocument(): Promise<string> {
  const messages = Object.fromEntries(types.map((type) => [type, messageOf(type)]))
  const stream = Object.fromEntries(
    types.map((type) => [type, { $ref: `#/components/messages/${type}` }]),
  )
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Topics of Reactor Connect',
      version: String(interfaceVersion),
      description:
        'The streams of connections in Kafka. The log (`connect.…`): `docs/topics.md` has the rules for readers, and what may change. Rows as messages (destinations `topic:NAME`): `docs/topic-destination.md`. Generated from the schemas of the program.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      stream: {
        address: 'connect.{connection}.{stream}',
        title: 'A stream of a connection',
        description: 'One topic for each stream. Cleanup policy: delete.',
        parameters: {
          connection: { description: 'Name of the connection' },
          stream: { description: 'Namespace and name of the stream, joined by a dot' },
        },
        messages: stream,
      },
      states: {
        address: 'connect.states',
        title: 'Last states',
        description:
          'Compacted, one partition. With topics per connection: `connect.{connection}..states`.',
        messages: {
          sliceState: { $ref: '#/components/messages/sliceState' },
          streamState: { $ref: '#/components/messages/streamState' },
        },
      },
      schemas: {
        address: 'connect.schemas',
        title: 'Avro schemas by fingerprint',
        description:
          'Compacted, one partition. With topics per connection: `connect.{connection}..schemas`.',
        messages: { schema: { $ref: '#/components/messages/schema' } },
      },
      ...rowChannels,
    },
    operations: Object.fromEntries(
      ['stream', 'states', 'schemas', 'rows', 'control', 'rejected'].map((channel) => [
        `read_${channel}`,
        { action: 'receive', channel: { $ref: `#/channels/${channel}` } },
      ]),
    ),
    components: {
      messages: { ...messages, ...statesMessages, schema: schemaMessage, ...rowMessages },
      schemas: rowSchemas,
    },
  }
  return format(JSON.stringify(document), { parser: 'json', printWidth: 100 })
}

function messageOf(type: MessageType): object {
  const common = { name: type, summary: summaries[type], headers: jsonSchema(messageHeaders[type]) }
  if (type !== 'RECORD') return { ...common, payload: jsonSchema(messageValues[type]) }
  return {
    ...common,
    contentType: 'avro/binary',
    payload: { description: 'Avro single-object encoding; the schema is in the topic of schemas' },
  }
}

const statesMessages = {
  sliceState: keyed(
    'The last state of a slice',
    jsonSchema(sliceStateKey),
    jsonSchema(sliceStateValue),
  ),
  streamState: keyed(
    'The last PLAN of a stream and, once that sync is complete, its SYNC_END',
    jsonSchema(streamStateKey),
    jsonSchema(streamStateValue),
  ),
}

const schemaMessage = keyed(
  'An Avro schema',
  {
    type: 'string',
    pattern: '^[0-9a-f]{16}$',
    description: 'CRC-64-AVRO, most significant digit first',
  },
  { description: 'The schema as JSON' },
)
