import { z } from 'zod'
import type { StreamSchema, UsedSchema } from '../../contract/schemas.ts'
import { timestamp } from './names.ts'

export const schemaFingerprint = z
  .string()
  .regex(/^[0-9a-f]{16}$/, 'must be the 16 hex digits of a fingerprint')
  .meta({
    description:
      'CRC-64-AVRO: 16 hexadecimal digits, the most significant first. In a message the bytes stand the other way round.',
  })

export const streamSchemaDocument = z
  .object({
    connection: z.string(),
    name: z.string(),
    namespace: z.string().nullable(),
    version: z
      .int()
      .meta({ description: 'Counts the schemas of the connection’s stream, from 1.' }),
    record_fingerprint: schemaFingerprint,
    block_fingerprint: schemaFingerprint,
    run: z.string().meta({ description: 'The run that carried such records first.' }),
    first_seen_at: timestamp,
  })
  .meta({ id: 'StreamSchema' })

export const schemaDocument = z
  .object({
    fingerprint: z.string(),
    framing: z.enum(['block', 'record']).meta({
      description: 'What it is the schema of: an array of records, or one record.',
    }),
    schema: z.unknown().meta({ description: 'Avro.' }),
    used_by: z.array(streamSchemaDocument).meta({ description: 'The newest 100.' }),
  })
  .meta({ id: 'Schema' })

export function streamSchemaToWire(used: StreamSchema): z.output<typeof streamSchemaDocument> {
  return {
    connection: used.connection,
    name: used.name,
    namespace: used.namespace,
    version: used.version,
    record_fingerprint: used.recordFingerprint,
    block_fingerprint: used.blockFingerprint,
    run: used.run,
    first_seen_at: used.firstSeenAt,
  }
}

export function schemaToWire(used: UsedSchema): z.output<typeof schemaDocument> {
  const { fingerprint, framing, schema, usedBy } = used
  return { fingerprint, framing, schema, used_by: usedBy.map(streamSchemaToWire) }
}
