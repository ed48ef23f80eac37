import { createHash } from 'node:crypto'
import type { RunPlan } from '../../engine/run-types.ts'
import { streamIdOf, wireSchema } from '../../protocol/index.ts'
import type { SchemaStore } from '../schemas/contract.ts'

/**
 * Stores the schemas that the records of this run are written with, unless an earlier run of the connection
 * had them, so that a reader of a record finds its schema. Durable when it resolves.
 */
export async function storeSchemas(
  { connection, streams }: Pick<RunPlan, 'connection' | 'streams'>,
  run: string,
  schemas: Pick<SchemaStore, 'findUnknown' | 'keep'>,
): Promise<void> {
  const all = streams.map(({ stream, columns }) => {
    const facts = columns.map(({ name, kind }) => [name, kind])
    const columnsDigest = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
    return { stream: streamIdOf(stream.stream), columns, columnsDigest }
  })
  for (const place of await schemas.findUnknown(connection, all)) {
    const schema = all[place]
    if (schema === undefined) continue
    const { stream, columns, columnsDigest } = schema
    const { fingerprint, recordFingerprint, recordSchema } = wireSchema(stream, columns)
    await schemas.keep({
      connection,
      run,
      stream,
      columnsDigest,
      schema: recordSchema,
      fingerprint: recordFingerprint.hex,
      blockFingerprint: fingerprint.hex,
    })
  }
}
