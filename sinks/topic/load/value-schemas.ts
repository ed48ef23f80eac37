import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import { schemasTopic } from '../../../kafka/topic-names.ts'
import type { TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import { ownPartition } from '../own-names.ts'
import { SchemaRegistry } from '../registry/schema-registry.ts'
import { messageSchemas } from '../rows/message-schemas.ts'
import type { MessageSchema, RowForm, SchemaIds } from '../rows/row-options.ts'
import type { TopicPlace } from '../topic-place.ts'

const noHeaders = encodeHeaders({})

/** Whether readers find the schemas in `connect.schemas`. */
export function usesSchemasTopic({ format, registry }: TopicPlace): boolean {
  return format.encoding === 'avro' && registry === undefined
}

/**
 * Readers find the schemas of the messages when it resolves: before the first message. Their ids, if a
 * registry gives some. To make a schema known twice has the effect of once.
 */
export async function publishSchemas(
  form: RowForm,
  place: TopicPlace,
  producer: TransactionalProducer,
): Promise<SchemaIds | undefined> {
  if (place.format.encoding === 'json') return undefined
  const { key, value } = messageSchemas(form)
  if (place.registry !== undefined) {
    const registry = new SchemaRegistry(place.registry)
    return {
      ...(key !== undefined && { key: await registry.register(`${form.topic}-key`, key) }),
      value: await registry.register(`${form.topic}-value`, value),
    }
  }
  for (const schema of [key, value]) if (schema !== undefined) await publish(schema, producer)
  return undefined
}

async function publish(
  { fingerprint, text }: MessageSchema,
  producer: TransactionalProducer,
): Promise<void> {
  if (fingerprint === undefined) throw new TypeError('a schema of Avro has a fingerprint')
  const value = Buffer.from(text)
  const encoder = new BatchEncoder(value.length)
  encoder.message({ key: Buffer.from(fingerprint.hex), value: [value], headers: noHeaders })
  await producer.publish(schemasTopic, ownPartition, encoder)
}
