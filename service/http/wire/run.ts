import { z } from 'zod'
import { changeDocument, schemaChangeDocument } from '../../drift/change-document.ts'
import type { Run, RunLogLine, RunStream, RunSummary } from '../../contract/runs.ts'
import { withDocsUrl } from '../../docs/docs-url.ts'
import { digits } from './paging.ts'
import { freeObject, timestamp } from './names.ts'

export const runStatus = z.enum(['queued', 'running', 'complete', 'partial', 'failed', 'cancelled'])

/** Why a run or a stream of it failed: an error without `request_id`. */
export const failure = z
  .object({
    code: z.string(),
    message: z.string(),
    suggested_fix: z.string(),
    failure_type: z.enum(['config_error', 'transient_error', 'system_error']),
    docs_url: z.string(),
    details: freeObject.optional(),
  })
  .meta({ id: 'Failure' })

const summary = {
  id: z.string(),
  connection: z.string(),
  status: runStatus,
  trigger: z.enum(['manual', 'schedule', 'retry', 'jobs', 'promote']),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  ended_at: timestamp.nullable(),
  read: z.number().meta({ description: 'Records, over all streams.' }),
  loaded: z.number(),
  rejected: z.number().meta({
    description:
      'Records that were left out. A run with some is `partial`, also if all its streams are complete.',
  }),
  error: failure.nullable(),
}

export const runStart = z
  .strictObject({
    trigger: z.enum(['manual', 'jobs']).optional().meta({
      description: 'Who starts it: a person or program (the default), or a Jobs service.',
    }),
  })
  .optional()

export const runSummaryDocument = z.object(summary).meta({ id: 'RunSummary' })

const column = {
  column: z.string(),
  type: z.string().meta({ description: 'What the column has from now on.' }),
}
const tableChange = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('added'),
    ...column,
    again: z.literal(true).exactOptional().meta({
      description: 'The column holds values of earlier syncs: rows that stay have NULL in it now.',
    }),
  }),
  z.object({
    kind: z.literal('widened').meta({ description: 'It could not hold what the stream has now.' }),
    ...column,
    was: z.string(),
  }),
  z.object({
    kind: z.literal('kept').meta({ description: 'A column never gets narrower.' }),
    ...column,
    source: z.string().meta({ description: 'The type that the source has now.' }),
  }),
  z.object({
    kind: z.literal('left').meta({ description: 'The stream has the column no more; it stays.' }),
    ...column,
  }),
])

const runStream = z.object({
  name: z.string(),
  namespace: z.string().nullable(),
  status: z.enum(['waiting', 'running', 'complete', 'failed', 'stopped']),
  read: z.number(),
  read_again: z.number(),
  read_bytes: z.number(),
  loaded: z.number(),
  rejected: z.number(),
  nulled: z.number().meta({
    description: 'Values that became NULL because their column cannot hold them.',
  }),
  cut: z.number().meta({
    description: 'Values of which the column holds less than what came.',
  }),
  bottleneck: z.string().nullable(),
  error: failure.nullable(),
  warnings: z.array(z.string()).meta({
    description:
      'What to know although the stream went on: how many records were rejected, how many values became NULL, why, and the keys of some rows.',
  }),
  table_changes: z.array(tableChange).meta({
    description: 'What happened to the columns of its table.',
  }),
})

export const runDocument = z
  .object({
    ...summary,
    attempts: z.int(),
    retry_of: z.string().nullable(),
    streams: z.array(runStream),
    warnings: z.array(z.string()).meta({
      description:
        'What concerns the run as a whole, such as a stream that the source does not show any more. The warnings of a stream are with the stream.',
    }),
    schema_changes: z.array(schemaChangeDocument).meta({
      description: 'How the source’s schema differed from the approved one; the first 100.',
    }),
  })
  .meta({ id: 'Run' })

export const logLineDocument = z
  .object({
    seq: z.int().meta({ description: 'Increases in a run.' }),
    at: timestamp,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    fields: freeObject,
  })
  .meta({ id: 'RunLogLine' })

export const logQuery = z.strictObject({
  after: digits({ least: 0, most: Number.MAX_SAFE_INTEGER })
    .optional()
    .meta({ description: 'Only lines whose `seq` is greater.' }),
  limit: digits({ least: 1, most: 1000 })
    .optional()
    .meta({ description: 'How many lines at most; 200 where it is left out.' }),
})

export const logPageDocument = z
  .object({
    items: z.array(logLineDocument),
    next_after: z.int().meta({
      description: 'Give it as `after` to get what follows. A run that goes on has more later.',
    }),
  })
  .meta({ id: 'RunLogPage' })

export function runSummaryToWire(
  run: RunSummary,
  docsBase: string,
): z.output<typeof runSummaryDocument> {
  return {
    id: run.id,
    connection: run.connection,
    status: run.status,
    trigger: run.trigger,
    created_at: run.createdAt,
    started_at: run.startedAt,
    ended_at: run.endedAt,
    read: run.read,
    loaded: run.loaded,
    rejected: run.rejected,
    error: run.error && withDocsUrl(run.error, docsBase),
  }
}

export function runToWire(run: Run, docsBase: string): z.output<typeof runDocument> {
  return {
    ...runSummaryToWire(run, docsBase),
    attempts: run.attempts,
    retry_of: run.retryOf,
    streams: run.streams.map((stream) => streamToWire(stream, docsBase)),
    warnings: [...run.warnings],
    schema_changes: run.schemaChanges.map(changeDocument),
  }
}

function streamToWire(stream: RunStream, docsBase: string): z.output<typeof runStream> {
  return {
    name: stream.name,
    namespace: stream.namespace,
    status: stream.status,
    read: stream.read,
    read_again: stream.readAgain,
    read_bytes: stream.readBytes,
    loaded: stream.loaded,
    rejected: stream.rejected,
    nulled: stream.nulled,
    cut: stream.cut,
    bottleneck: stream.bottleneck,
    error: stream.error && withDocsUrl(stream.error, docsBase),
    warnings: [...stream.warnings],
    table_changes: [...stream.tableChanges],
  }
}

export function logLineToWire(line: RunLogLine): z.output<typeof logLineDocument> {
  return { ...line, fields: { ...line.fields } }
}
