import { z } from 'zod'
import type {
  Connection,
  ConnectionInput,
  ConnectionOptions,
  ConnectionUpdate,
  Schedule,
  StreamBinding,
} from '../../contract/connections.ts'
import type { SchemaDrift } from '../../contract/schema-drift.ts'
import { changeDocument, schemaChangeDocument } from '../../drift/change-document.ts'
import { name, timestamp, versioned } from './names.ts'
import { runSummaryDocument, runSummaryToWire } from './run.ts'

const fieldName = z.string().min(1).max(512)

const streamBinding = z
  .strictObject({
    name: z.string().min(1).max(512),
    namespace: z.string().max(512).optional(),
    sync_mode: z.enum(['full_refresh', 'incremental']).optional(),
    destination_sync_mode: z
      .enum(['append', 'overwrite', 'append_dedup', 'overwrite_dedup'])
      .optional(),
    cursor_field: fieldName.optional(),
    primary_key: z.array(fieldName).min(1).max(32).optional(),
  })
  .meta({ id: 'StreamBinding' })

const schedule = z
  .strictObject({
    cron: z
      .string()
      .min(1)
      .max(200)
      .meta({ description: 'Five fields.', examples: ['*/15 * * * *'] }),
    timezone: z.string().min(1).max(64).optional().meta({ description: 'IANA name; default UTC.' }),
    catch_up: z.enum(['once', 'skip']).optional().meta({
      description: 'What happens to times that passed while the service was down; default skip.',
    }),
  })
  .meta({ id: 'Schedule' })

const options = z
  .strictObject({
    metadata: z.enum(['full', 'minimal']).optional(),
    deletes: z.enum(['hard', 'soft']).optional(),
    log: z.enum(['embedded', 'kafka']).optional(),
    framing: z.enum(['block', 'record']).optional(),
    schema_drift: z.enum(['propagate', 'ignore', 'block_until_approved']).optional().meta({
      description:
        'What a run does where the source’s schema is not the approved one: follow it, keep to what was approved, or read nothing until somebody approves; default `propagate`.',
    }),
  })
  .meta({ id: 'ConnectionOptions' })

const streams = z.array(streamBinding).min(1).max(10_000).optional()
const destination = z
  .string()
  .min(1)
  .max(512)
  .meta({ examples: ['data:shop'] })

export const connectionCreate = z
  .strictObject({
    name,
    from: name.meta({ description: 'The instance that is read.' }),
    streams: streams.meta({
      description: 'Left out: every stream, as the connector suggests it.',
    }),
    destination,
    schedule: schedule.nullable().optional(),
    options: options.optional(),
    activate: z.boolean().optional().meta({
      description:
        'True: it runs at once. Left out: it is inactive until a sandbox of it is promoted, or it is activated.',
    }),
  })
  .meta({ id: 'ConnectionCreate' })

export const connectionUpdate = z
  .strictObject({
    streams,
    destination: destination.optional(),
    schedule: schedule.nullable().optional(),
    options: options.optional(),
  })
  .meta({ id: 'ConnectionUpdate' })

export const resetInput = z
  .strictObject({
    streams: z.array(z.string().min(1).max(1024)).min(1).max(10_000).optional().meta({
      description: 'Names of the streams that are read from the beginning; all where left out.',
    }),
  })
  .optional()

const fingerprint = z
  .string()
  .regex(
    /^[0-9a-f]{32}$/,
    'is no fingerprint: `reactor connect connections drift NAME` shows the one to approve',
  )

export const approveInput = z
  .strictObject({
    fingerprint: fingerprint.meta({
      description: 'The `drift.fingerprint` of the connection: what a run saw, and nothing later.',
    }),
  })
  .meta({ id: 'SchemaApproval' })

const drift = z
  .object({
    status: z.enum(['blocked', 'ignored']).meta({
      description:
        'blocked: runs read nothing until it is approved. ignored: runs keep to what was approved.',
    }),
    fingerprint,
    changes: z.array(schemaChangeDocument).meta({ description: 'The first 100.' }),
    total: z.int().meta({ description: 'How many there are in all.' }),
    run: z.string().meta({ description: 'The run that saw it first.' }),
    detected_at: timestamp,
  })
  .meta({ id: 'SchemaDrift' })

export const connectionStatus = z.enum(['inactive', 'active', 'paused'])

export const connectionDocument = z
  .object({
    id: z.string(),
    name: z.string(),
    from: z.string(),
    streams: z.array(streamBinding).nullable(),
    destination: z.string(),
    schedule: schedule.nullable(),
    options,
    status: connectionStatus,
    next_run_at: timestamp.nullable(),
    last_run: runSummaryDocument.nullable(),
    drift: drift.nullable().meta({
      description:
        'What the last run saw of the source that is not approved; null where there is nothing.',
    }),
    ...versioned,
  })
  .meta({ id: 'Connection' })

export function connectionToWire(
  connection: Connection,
  docsBase: string,
): z.output<typeof connectionDocument> {
  return {
    id: connection.id,
    name: connection.name,
    from: connection.from,
    streams: connection.streams?.map(streamToWire) ?? null,
    destination: connection.destination,
    schedule: connection.schedule === null ? null : scheduleToWire(connection.schedule),
    options: optionsToWire(connection.options),
    status: connection.status,
    next_run_at: connection.nextRunAt,
    last_run: connection.lastRun && runSummaryToWire(connection.lastRun, docsBase),
    drift: connection.drift === null ? null : driftToWire(connection.drift),
    version: connection.version,
    created_at: connection.createdAt,
    updated_at: connection.updatedAt,
  }
}

export function connectionInputOf(wire: z.output<typeof connectionCreate>): ConnectionInput {
  const { name: ownName, from, destination: to, activate, ...changes } = wire
  return {
    ...{ name: ownName, from, destination: to },
    ...(activate !== undefined && { activate }),
    ...connectionChangesOf(changes),
  }
}

export function connectionChangesOf(wire: z.output<typeof connectionUpdate>): ConnectionUpdate {
  const { schedule: when } = wire
  return {
    ...(wire.streams !== undefined && { streams: wire.streams.map(streamOf) }),
    ...(wire.destination !== undefined && { destination: wire.destination }),
    ...(when !== undefined && { schedule: when === null ? null : scheduleOf(when) }),
    ...(wire.options !== undefined && { options: optionsOf(wire.options) }),
  }
}

function streamToWire(stream: StreamBinding): z.output<typeof streamBinding> {
  return {
    name: stream.name,
    namespace: stream.namespace,
    sync_mode: stream.syncMode,
    destination_sync_mode: stream.destinationSyncMode,
    cursor_field: stream.cursorField,
    primary_key: stream.primaryKey && [...stream.primaryKey],
  }
}

function streamOf(wire: z.output<typeof streamBinding>): StreamBinding {
  return {
    name: wire.name,
    ...(wire.namespace !== undefined && { namespace: wire.namespace }),
    ...(wire.sync_mode && { syncMode: wire.sync_mode }),
    ...(wire.destination_sync_mode && { destinationSyncMode: wire.destination_sync_mode }),
    ...(wire.cursor_field && { cursorField: wire.cursor_field }),
    ...(wire.primary_key && { primaryKey: wire.primary_key }),
  }
}

function scheduleToWire(when: Schedule): z.output<typeof schedule> {
  return { cron: when.cron, timezone: when.timezone, catch_up: when.catchUp }
}

function scheduleOf(wire: z.output<typeof schedule>): Schedule {
  return {
    cron: wire.cron,
    ...(wire.timezone && { timezone: wire.timezone }),
    ...(wire.catch_up && { catchUp: wire.catch_up }),
  }
}

function optionsOf(wire: z.output<typeof options>): ConnectionOptions {
  return {
    ...(wire.metadata && { metadata: wire.metadata }),
    ...(wire.deletes && { deletes: wire.deletes }),
    ...(wire.log && { log: wire.log }),
    ...(wire.framing && { framing: wire.framing }),
    ...(wire.schema_drift && { schemaDrift: wire.schema_drift }),
  }
}

function optionsToWire({ schemaDrift, ...same }: ConnectionOptions): z.output<typeof options> {
  return { ...same, schema_drift: schemaDrift }
}

function driftToWire(seen: SchemaDrift): z.output<typeof drift> {
  return {
    status: seen.status,
    fingerprint: seen.fingerprint,
    changes: seen.changes.map(changeDocument),
    total: seen.total,
    run: seen.run,
    detected_at: seen.detectedAt,
  }
}
