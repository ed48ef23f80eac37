import { fingerprintOf, type AvroRecordSchema, type JsonObject } from '../../../protocol/index.ts'
import { avroKeySchema, avroValueSchema } from './avro-schemas.ts'
import { jsonKeySchema, jsonValueSchema } from './json-schemas.ts'
import { rowColumns } from './row-columns.ts'
import type { MessageSchema, MessageSchemas, RowForm } from './row-options.ts'

/**
 * The schemas of the messages: to be registered, or published, before the first one. Throws a ConnectError if
 * a mode that is not append has no primary key, or one that is not among the columns.
 */
export function messageSchemas(form: RowForm): MessageSchemas {
  const { key } = rowColumns(form)
  if (form.format.encoding === 'json') {
    return {
      key: key && jsonSchema(jsonKeySchema(form, key)),
      value: jsonSchema(jsonValueSchema(form)),
    }
  }
  return {
    key: key && avroSchema(avroKeySchema(form, key)),
    value: avroSchema(avroValueSchema(form)),
  }
}

function jsonSchema(schema: JsonObject): MessageSchema {
  return { type: 'JSON', schema, text: JSON.stringify(schema) }
}

function avroSchema(schema: AvroRecordSchema): MessageSchema {
  return {
    type: 'AVRO',
    schema,
    text: JSON.stringify(schema),
    fingerprint: fingerprintOf(schema),
  }
}
