import { z } from 'zod'
import { errorBodySchema } from '../../protocol/errors/error-body.ts'
import { schemaChangeSchema } from '../schema-changes/schema.ts'
import { freeObject, timestamp } from '../platform/fields.ts'
import { withDocsUrl } from '../platform/docs-url.ts'
import { digits } from '../platform/lists.ts'
import { snakeCaseSchema, type Resource } from '../platform/wire.ts'

export const runId = z
  .string()
  .regex(
    /^run_[0-9A-HJKMNP-TV-Z]{26}$/,
    'is no id of a run: `reactor connect connections runs list NAME` shows them',
  )
  .meta({ description: 'A ULID with the prefix `run_`.' })

export const runStatus = z.enum(['queued', 'running', 'complete', 'partial', 'failed', 'cancelled'])
export type RunStatus = z.infer<typeof runStatus>

const summary = {
  id: z.string(),
  connection: z.string(),
  status: runStatus,
  trigger: z.enum(['manual', 'schedule', 'retry', 'jobs', 'promote', 'webhook']),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  read: z.number().meta({ description: 'Records, over all streams.' }),
  loaded: z.number(),
  rejected: z.number().meta({
    description:
      'Records that were left out. A run with some is `partial`, also if all its streams are complete.',
  }),
  error: errorBodySchema.nullable(),
}

export const runSummarySchema = z.object(summary).meta({ id: 'RunSummary' })
export type RunSummary = Resource<typeof runSummarySchema>
export const runSummaryDocument = snakeCaseSchema(runSummarySchema)

/** Adds the address of the error's page, which a client can open. */
export function summaryWithDocsUrl<Summary extends Pick<RunSummary, 'error'>>(
  run: Summary,
  docsBase: string,
): Summary {
  return { ...run, error: run.error && withDocsUrl(run.error, docsBase) }
}

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
    replaced: z.literal(true).exactOptional().meta({
      description: 'An overwrite: all rows of the table are new ones.',
    }),
  }),
  z.object({
    kind: z.literal('widened').meta({ description: 'It could not hold what the stream has now.' }),
    ...column,
    was: z.string(),
  }),
  z.object({
    kind: z.literal('kept').meta({ description: 'The column’s type holds the values of both.' }),
    ...column,
    source: z.string().meta({ description: 'The type that the source has now.' }),
  }),
  z.object({
    kind: z.literal('left').meta({ description: 'The stream has the column no more; it stays.' }),
    ...column,
  }),
])

export const runStreamSchema = z.object({
  name: z.string(),
  namespace: z.string().nullable(),
  status: z.enum(['waiting', 'running', 'complete', 'failed', 'stopped']),
  /** Records, each counted once. */
  read: z.number(),
  /** Reads of records that had been read before an interruption, and were not loaded then. */
  readAgain: z.number(),
  readBytes: z.number(),
  loaded: z.number(),
  rejected: z.number(),
  nulled: z.number().meta({
    description: 'Values that became NULL because their column cannot hold them.',
  }),
  cut: z.number().meta({
    description: 'Values of which the column holds less than what came.',
  }),
  bottleneck: z.string().nullable(),
  error: errorBodySchema.nullable(),
  warnings: z.array(z.string()).meta({
    description:
      'What to know although the stream went on: how many records were rejected, how many values became NULL, why, and the keys of some rows.',
  }),
  /** The changes of all attempts. */
  tableChanges: z.array(tableChange).meta({
    description: 'What happened to the columns of its table.',
  }),
})
export type RunStream = Resource<typeof runStreamSchema>

export const runSchema = z
  .object({
    ...summary,
    attempts: z.int(),
    retryOf: z.string().nullable(),
    streams: z.array(runStreamSchema),
    /** As the last attempt that came to a result found it. */
    warnings: z.array(z.string()).meta({
      description:
        'What concerns the run as a whole, such as a stream that the source does not show any more. The warnings of a stream are with the stream.',
    }),
    schemaChanges: z.array(schemaChangeSchema).meta({
      description: 'How the source’s schema differed from the approved one; the first 100.',
    }),
  })
  .meta({ id: 'Run' })
export type Run = Resource<typeof runSchema>
export const runDocument = snakeCaseSchema(runSchema)

/**
 * Adds the addresses of the error pages to the errors of the run and its streams, so that a client can open
 * them.
 */
export function runWithDocsUrls(run: Run, docsBase: string): Run {
  return {
    ...summaryWithDocsUrl(run, docsBase),
    streams: run.streams.map((stream) => summaryWithDocsUrl(stream, docsBase)),
  }
}

export const runLogLineSchema = z
  .object({
    /** A follower continues after the last one it saw. */
    seq: z.int().meta({ description: 'Increases in a run.' }),
    at: timestamp,
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    fields: freeObject,
  })
  .meta({ id: 'RunLogLine' })
export type RunLogLine = Resource<typeof runLogLineSchema>
export const logLineDocument = snakeCaseSchema(runLogLineSchema)

export const logPageDocument = z
  .object({
    items: z.array(logLineDocument),
    next_after: z.int().meta({
      description: 'Give it as `after` to get what follows. A run that goes on has more later.',
    }),
  })
  .meta({ id: 'RunLogPage' })

export const logQuery = z.strictObject({
  after: digits({ least: 0, most: Number.MAX_SAFE_INTEGER })
    .optional()
    .meta({ description: 'Only lines whose `seq` is greater.' }),
  limit: digits({ least: 1, most: 1000 })
    .optional()
    .meta({ description: 'How many lines at most; 200 if it is left out.' }),
})

export const runStart = z
  .strictObject({
    trigger: z.enum(['manual', 'jobs']).optional().meta({
      description: 'Who starts it: a person or program (the default), or a Jobs service.',
    }),
  })
  .optional()
