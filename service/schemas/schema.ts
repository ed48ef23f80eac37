import { z } from 'zod'
import type { AvroSchema } from '../../protocol/index.ts'
import { timestamp } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

export const schemaFingerprint = z
  .string()
  .regex(/^[0-9a-f]{16}$/, 'must be the 16 hex digits of a fingerprint')
  .meta({
    description:
      'CRC-64-AVRO: 16 hexadecimal digits, most significant first. In a message the bytes are in reverse order.',
  })

/**
 * A schema that the records of a connection's stream have had. A stream's versions are numbered in the order
 * in which runs found them.
 */
export const streamSchemaSchema = z
  .object({
    connection: z.string(),
    name: z.string(),
    namespace: z.string().nullable(),
    version: z
      .int()
      .meta({ description: 'Number of the schema within the connection’s stream, from 1.' }),
    /** The fingerprint of a single record: in messages with the framing `record`. */
    recordFingerprint: schemaFingerprint,
    /** The fingerprint of an array of records: in messages with the framing `block`. */
    blockFingerprint: schemaFingerprint,
    run: z.string().meta({ description: 'The first run with such records.' }),
    firstSeenAt: timestamp,
  })
  .meta({ id: 'StreamSchema' })
export type StreamSchema = Resource<typeof streamSchemaSchema>
export const streamSchemaDocument = snakeCaseSchema(streamSchemaSchema)

/** The schema with a message's fingerprint. */
export const usedSchemaSchema = z
  .object({
    fingerprint: z.string(),
    framing: z.enum(['block', 'record']).meta({
      description: 'What it is the schema of: an array of records, or one record.',
    }),
    schema: z.custom<AvroSchema>().meta({ description: 'Avro.' }),
    usedBy: z.array(streamSchemaSchema).meta({ description: 'The newest 100.' }),
  })
  .meta({ id: 'Schema' })
export type UsedSchema = Resource<typeof usedSchemaSchema>
export const schemaDocument = snakeCaseSchema(usedSchemaSchema)
