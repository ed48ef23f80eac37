import { z } from 'zod'
import { destinationOptions } from '../../sinks/destination-options.ts'
import { describeAddresses } from '../../sinks/registry.ts'
import { connectionChoices } from '../../plan/streams/connection-choices.ts'
import {
  definitionList,
  streamRules,
  tablePattern,
} from '../../plan/streams/stream-rules-schema.ts'
import { transformText } from '../../plan/streams/transform-text.ts'
import { driftFingerprint, schemaDriftPolicy, schemaDriftSchema } from '../schema-changes/schema.ts'
import { description, name, timestamp, versioned } from '../platform/fields.ts'
import { scheduleSchema } from '../platform/jobs/schedule.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'
import { runSummarySchema, summaryWithDocsUrl } from '../runs/schema.ts'

const fieldName = z.string().min(1).max(512)

const streamBindingSchema = z
  .strictObject({
    name: z.string().min(1).max(512),
    namespace: z.string().max(512).exactOptional(),
    syncMode: z.enum(connectionChoices.syncMode).exactOptional(),
    destinationSyncMode: z.enum(connectionChoices.destinationSyncMode).exactOptional(),
    cursorField: fieldName.exactOptional(),
    primaryKey: z.array(fieldName).min(1).max(32).exactOptional(),
    transform: transformText.exactOptional().meta({
      description:
        'The function of the Functions service that changes or rejects its records before they are loaded.',
      examples: ['function:clean-orders'],
    }),
    ...streamRules,
  })
  .meta({ id: 'StreamBinding' })
export type StreamBinding = Resource<typeof streamBindingSchema>

export const connectionOptionsSchema = z
  .strictObject({
    metadata: z.enum(connectionChoices.metadata).exactOptional(),
    types: z.enum(connectionChoices.types).exactOptional().meta({
      description:
        'Column types of new tables, from PostgreSQL to PostgreSQL: those of the source, or the ones that every source gets; default `source`.',
    }),
    with: definitionList.exactOptional().meta({
      description:
        'What tables have of the source’s tables beside columns and key, from PostgreSQL to PostgreSQL, for streams that have no `with` of their own; default: nothing.',
      examples: [['indexes', 'constraints', 'defaults', 'identity', 'collations', 'comments']],
    }),
    deletes: z.enum(connectionChoices.deletes).exactOptional(),
    log: z.enum(connectionChoices.log).exactOptional(),
    framing: z.enum(connectionChoices.framing).exactOptional(),
    ...destinationOptions,
    table: tablePattern.exactOptional().meta({
      description:
        'The names of the tables of streams that have no `table` of their own, with the placeholders `{stream}` and `{namespace}`.',
      examples: ['raw_{stream}'],
    }),
    cursorField: fieldName.exactOptional().meta({
      description:
        'The cursor of streams that have this column and no `cursor_field` of their own.',
    }),
    continuous: z.boolean().exactOptional().meta({
      description:
        'A run goes on until it is cancelled, and loads changes as they happen. The source must have a feed: `postgres` with `replication: cdc`. Default: false.',
    }),
    schemaDrift: schemaDriftPolicy.exactOptional().meta({
      description:
        'What a run does if the schema of the source is not the approved one: follow it, follow it and read rows again whose columns have changed, keep to the approved one, or read nothing until it is approved; default `propagate`.',
    }),
  })
  .meta({ id: 'ConnectionOptions' })
export type ConnectionOptions = Resource<typeof connectionOptionsSchema>

/** The fields of a connection that are set when it is created, and can be changed later. */
const changeable = {
  streams: z.array(streamBindingSchema).min(1).max(10_000).exactOptional(),
  destination: z
    .string()
    .min(1)
    .max(512)
    .meta({
      description: describeAddresses(),
      examples: ['data:shop', 'topic:shop.{stream}'],
    }),
  schedule: scheduleSchema.nullable().exactOptional(),
  options: connectionOptionsSchema.exactOptional(),
  description,
}

export const connectionInputSchema = z
  .strictObject({
    name,
    from: name.meta({ description: 'The instance that is read.' }),
    ...changeable,
    streams: changeable.streams.meta({
      description: 'Default: all streams, as the connector suggests them.',
    }),
    destination: changeable.destination.exactOptional().meta({
      description: `${describeAddresses()} Default: \`data:\` and the name of the connection, with \`_\` for other characters than letters and digits.`,
    }),
    activate: z.boolean().exactOptional().meta({
      description:
        'True: it can run at once. Default: it is inactive until a sandbox of it is promoted, or it is activated.',
    }),
  })
  .meta({ id: 'ConnectionCreate' })
export type ConnectionInput = Resource<typeof connectionInputSchema>

export const connectionUpdateSchema = z
  .strictObject({ ...changeable, destination: changeable.destination.exactOptional() })
  .meta({ id: 'ConnectionUpdate' })
/** The fields of a connection that can be changed later. */
export type ConnectionUpdate = Resource<typeof connectionUpdateSchema>

/** inactive: new, neither promoted nor activated: it does not run by its schedule and cannot be started. */
export const connectionStatus = z.enum(['inactive', 'active', 'paused'])

export const connectionSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    from: z.string(),
    streams: z.array(streamBindingSchema).nullable(),
    destination: z.string(),
    schedule: scheduleSchema.nullable(),
    options: connectionOptionsSchema,
    description: z.string().nullable(),
    status: connectionStatus,
    nextRunAt: timestamp.nullable(),
    lastSkippedAt: timestamp.nullable().meta({
      description:
        'The last time of its schedule that was skipped, since no scheduler was working then; null if there is none.',
    }),
    lastRun: runSummarySchema.nullable(),
    drift: schemaDriftSchema.nullable().meta({
      description:
        'Changes of the source that the last run found and that are not approved; null if there are none.',
    }),
    ...versioned,
  })
  .meta({ id: 'Connection' })
export type Connection = Resource<typeof connectionSchema>
export const connectionDocument = snakeCaseSchema(connectionSchema)

/** As lists have it: a connection may name thousands of streams. */
export const connectionSummarySchema = connectionSchema.omit({ streams: true }).meta({
  id: 'ConnectionSummary',
})
export type ConnectionSummary = Resource<typeof connectionSummarySchema>
export const connectionSummaryDocument = snakeCaseSchema(connectionSummarySchema)

/** Makes the docs page of its last run's error a URL that a client can open. */
export function withDocsUrls<Shown extends ConnectionSummary>(
  connection: Shown,
  docsBase: string,
): Shown {
  const { lastRun } = connection
  return { ...connection, lastRun: lastRun && summaryWithDocsUrl(lastRun, docsBase) }
}

/** Which streams are read from the beginning. */
export const resetInput = z
  .strictObject({
    streams: z.array(z.string().min(1).max(1024)).min(1).max(10_000).optional().meta({
      description: 'Names of the streams to read from the beginning; default: all.',
    }),
  })
  .optional()

const bound = z.string().min(1).max(1024).exactOptional()

/** The range of the cursor that the next run reads again. */
export const rangeInputSchema = z
  .strictObject({
    streams: z.array(z.string().min(1).max(1024)).min(1).max(10_000).meta({
      description: 'Names of streams that are read incrementally.',
    }),
    from: bound.meta({
      description:
        'The lowest value of the cursor that is read again; default: from the first row. One of `from` and `to` is needed.',
      examples: ['2026-01-01'],
    }),
    to: bound.meta({
      description: 'The highest one, inclusive; default: up to the last checkpoint.',
      examples: ['2026-01-31T23:59:59Z'],
    }),
    doubleRows: z.boolean().exactOptional().meta({
      description:
        'True: also streams with `append` are read again, whose rows are then in the table twice. Default: they are refused.',
    }),
    dryRun: z.boolean().exactOptional().meta({
      description: 'True: nothing is changed, and the response shows what would be.',
    }),
  })
  .meta({ id: 'RangeReset' })
export type RangeInput = Resource<typeof rangeInputSchema>

export const rangeResultSchema = z
  .object({
    streams: z.array(
      z.object({
        name: z.string(),
        namespace: z.string().nullable(),
        cursorField: z.string(),
        from: z.string().nullable(),
        to: z.string().nullable(),
        destinationSyncMode: z.enum(connectionChoices.destinationSyncMode),
      }),
    ),
    dryRun: z.boolean(),
  })
  .meta({ id: 'RangeResult' })
export type RangeResult = Resource<typeof rangeResultSchema>
export const rangeResultDocument = snakeCaseSchema(rangeResultSchema)

export const approveInput = z
  .strictObject({
    fingerprint: driftFingerprint.meta({
      description:
        'The `drift.fingerprint` of the connection: approves the schema that a run found, and nothing later.',
    }),
  })
  .meta({ id: 'SchemaApproval' })
