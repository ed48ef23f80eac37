import type { Schema } from 'avsc'
import type { AvroSchema } from './avro-schema.ts'

/** The schema as avsc takes it: a document of its own, which avsc may change. */
export function forAvsc(schema: AvroSchema): Schema {
  return JSON.parse(JSON.stringify(schema)) as Schema
}
