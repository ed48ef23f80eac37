import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { keyText, settingsOf } from '../../continuation.ts'
import type { SinkStream } from '../../sink.ts'
import type { RegisteredSchema } from '../bookkeeping/records.ts'
import type { SchemaText } from '../registry/schema-registry.ts'
import { messageSchemas } from '../rows/message-schemas.ts'
import { formChanged } from '../topic-errors.ts'
import type { TopicPlace } from '../topic-place.ts'
import type { KnownTopic } from './known-topic.ts'

export interface SchemaSource {
  /** The number of a schema that the subject has. */
  find(subject: string, schema: SchemaText): Promise<number | undefined>
  /** Undefined: a sandbox registers nothing. */
  register(subject: string, schema: SchemaText): Promise<number | undefined>
}

interface Wanted {
  readonly sink: SinkStream
  readonly topic: string
  readonly place: TopicPlace
}

/**
 * The schema of the keys, or of the values without one, with its number, which is in the bytes of each
 * message. Throws `destination_topic_form_changed` if the registry does not have the schema of the messages
 * in the topic under its number: then it has lost its schemas, or is another one, and readers could not
 * decode them; and `destination_topic_key_changed`.
 */
export async function registerSchema(
  registry: SchemaSource,
  known: KnownTopic | undefined,
  wanted: Wanted,
): Promise<RegisteredSchema | null> {
  const before = known?.isFilled === true ? known.schema : null
  if (before !== null) {
    const { subject, text } = before
    requireSameId(before, await registry.find(subject, { type: 'AVRO', text }), wanted)
  }
  const { sink, topic, place } = wanted
  const { columns } = sink
  const { key, value } = messageSchemas({
    ...{ topic, sink, columns, format: place.format, lookup: 'registry' },
  })
  const [subject, schema] = key === undefined ? [`${topic}-value`, value] : [`${topic}-key`, key]
  const { text } = schema
  const isSameSubject = before?.subject === subject
  if (isSameSubject && before.text === text) return before
  // A row would get a second key, which an overwrite deletes.
  if (isSameSubject && sink.mode === 'append_dedup') throw otherKeySchema(before, wanted)
  const id = await registry.register(subject, schema)
  return id === undefined ? null : { subject, id, text }
}

function otherKeySchema({ id }: RegisteredSchema, { sink, topic }: Wanted): ConnectError {
  const key = `(${keyText(settingsOf(sink).key)})`
  const before = `${key} with the schema ${String(id)} of the registry`
  const after = `${key} with another schema`
  const details = { topic, stream: streamLabel(sink.stream.stream), before, after }
  return new ConnectError('destination_topic_key_changed', { details })
}

/** Throws `destination_topic_form_changed`. */
export function requireSameId(
  { subject, id }: RegisteredSchema,
  now: number | undefined,
  { sink, topic }: Pick<Wanted, 'sink' | 'topic'>,
): void {
  if (now === id) return
  const before = `the schema of ${subject} has the id ${String(id)} in the schema registry`
  const after =
    now === undefined
      ? 'the registry does not have that schema'
      : `the registry has it under the id ${String(now)}`
  throw formChanged(sink, { topic, before, after })
}
