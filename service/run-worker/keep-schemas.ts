import { createHash } from 'node:crypto'
import type { RunPlan } from '../../engine/run-types.ts'
import { streamIdOf, wireSchema } from '../../protocol/index.ts'
import type { SchemaStore } from '../schemas/contract.ts'

/**
 * Keeps the schemas that the records of this run are written with, as far as none of the connection's runs had them: whoever reads a
 * record finds its schema. Durable when it resolves.
 */
export async function keepSchemas(
  { connection, streams }: Pick<RunPlan, 'connection' | 'streams'>,
  run: string,
  schemas: Pick<SchemaStore, 'unknown' | 'keep'>,
): Promise<void> {
  const all = streams.map(({ stream, columns }) => {
    const facts = columns.map(({ name, kind }) => [name, kind])
    const columnsDigest = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
    return { stream: streamIdOf(stream.stream), columns, columnsDigest }
  })
  for (const place of await schemas.unknown(connection, all)) {
    const one = all[place]
    if (one === undefined) continue
    const { stream, columns, columnsDigest } = one
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
