import { z } from 'zod'
import type { ColumnKind } from '../../protocol/index.ts'
import { textOf, timestamp } from '../platform/fields.ts'
import { snakeCaseSchema, type Resource, type Wire } from '../platform/wire.ts'

/**
 * propagate: follow the source. backfill: that, and read rows again whose columns have changed. ignore: keep
 * to the approved schema. block_until_approved: read nothing until the change is approved.
 */
export const schemaDriftPolicy = z.enum(['propagate', 'backfill', 'ignore', 'block_until_approved'])
export type SchemaDriftPolicy = z.infer<typeof schemaDriftPolicy>

/** Runs read the source as it is. */
export function followsSource(policy: SchemaDriftPolicy): policy is 'propagate' | 'backfill' {
  return policy === 'propagate' || policy === 'backfill'
}

const column = z.object({ name: z.string(), type: textOf<ColumnKind>() })
export type SchemaColumn = Resource<typeof column>

const paths = z.array(z.array(z.string()))
const cursor = z.object({
  /** Path of the field; empty if the source names none. */
  field: z.array(z.string()),
  /** The source has a cursor of its own, which nobody can choose. */
  sourceDefined: z.boolean(),
})
export type SourceCursor = Resource<typeof cursor>
const syncModes = z.array(z.enum(['full_refresh', 'incremental']))

export interface FromTo<Value> {
  readonly from: Value
  readonly to: Value
}

/**
 * How one stream of the source differs from the connection's approved schema. For an added stream all columns
 * are added, for a removed one all are removed. HTTP, the log of a run and the details of an error have it in
 * this form.
 */
export const schemaChangeSchema = z
  .object({
    name: z.string(),
    namespace: z.string().nullable(),
    change: z.enum(['added', 'removed', 'changed']),
    addedColumns: z.array(column),
    removedColumns: z.array(column),
    typeChanges: z.array(
      z.object({ name: z.string(), from: textOf<ColumnKind>(), to: textOf<ColumnKind>() }),
    ),
    primaryKey: z
      .object({ from: paths, to: paths })
      .nullable()
      .meta({ description: 'Paths of the key’s fields; null if it did not change.' }),
    cursor: z.object({ from: cursor, to: cursor }).nullable(),
    syncModes: z.object({ from: syncModes, to: syncModes }).nullable(),
    columnsLeft: z.int().meta({
      description: 'How many columns the lists leave out; each has 100 at most.',
    }),
  })
  .meta({ id: 'SchemaChange' })
export type SchemaChange = Resource<typeof schemaChangeSchema>
export type ChangeDocument = Wire<SchemaChange>
export const schemaChangeDocument = snakeCaseSchema(schemaChangeSchema)

export const driftFingerprint = z
  .string()
  .regex(
    /^[0-9a-f]{32}$/,
    'is no fingerprint: `reactor connect connections drift NAME` shows the one to approve',
  )

/** Changes of the source that a run found and that are not in the connection's approved schema. */
export const schemaDriftSchema = z
  .object({
    status: z.enum(['blocked', 'ignored']).meta({
      description:
        'blocked: runs read nothing until it is approved. ignored: runs keep to what was approved.',
    }),
    /** The fingerprint of the selected streams as they were found, which is approved. */
    fingerprint: driftFingerprint,
    changes: z.array(schemaChangeSchema).meta({ description: 'The first 100.' }),
    total: z.int().meta({ description: 'How many there are in all.' }),
    run: z.string().meta({ description: 'The first run that found it.' }),
    detectedAt: timestamp,
  })
  .meta({ id: 'SchemaDrift' })
export type SchemaDrift = Resource<typeof schemaDriftSchema>
