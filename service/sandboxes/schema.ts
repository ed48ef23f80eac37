import { z } from 'zod'
import type {
  SandboxReport,
  SandboxRows,
  SandboxStream,
} from '../../engine/sandbox/sandbox-report.ts'
import type { ErrorBody, StreamId } from '../../protocol/index.ts'
import { rowExamplesDocument, shownRow } from '../../sinks/postgres/sandbox/row-examples.ts'
import { connectionChoices } from '../connections/choices.ts'
import { connectionDocument } from '../connections/schema.ts'
import {
  schemaChangeDocument,
  schemaDriftPolicy,
  type ChangeDocument,
  type SchemaDriftPolicy,
} from '../schema-changes/schema.ts'
import { withDocsUrl } from '../platform/docs-url.ts'
import { failure, freeObject, timestamp } from '../platform/fields.ts'
import { toWire, wireSchema, type Resource } from '../platform/wire.ts'
import { runDocument } from '../runs/schema.ts'

export const sandboxId = z
  .string()
  .regex(
    /^sbx_[0-9A-HJKMNP-TV-Z]{26}$/,
    'is no id of a sandbox: `reactor connect connections sandboxes NAME` shows them',
  )
  .meta({ description: 'A ULID with the prefix `sbx_`.' })

export const standardLimitRows = 100

export const sandboxInput = z
  .strictObject({
    limit_rows: z.int().min(1).max(10_000).optional().meta({
      description: 'Records read of each stream at most; 100 where it is left out.',
    }),
    streams: z.array(z.string().min(1).max(1024)).min(1).max(10_000).optional().meta({
      description: 'Names of some streams. Then there is no token: the others were not looked at.',
    }),
  })
  .optional()

/** Longer than any token: what is longer is not looked at. */
const maxTokenLength = 200

export const promoteInput = z
  .strictObject({
    token: z.string().min(1).max(maxTokenLength).meta({
      description: 'The `promote_token` of a sandbox of this connection, which you ran.',
    }),
  })
  .meta({ id: 'PromoteInput' })

const unknownCount = z.number().nullable()

const rowCounts = z.object({
  insert: unknownCount,
  update: unknownCount,
  unchanged: unknownCount,
  delete: unknownCount,
})

const cost = z
  .object({
    rows: unknownCount,
    bytes: unknownCount,
    requests: unknownCount.meta({ description: 'Of a source that speaks HTTP.' }),
    seconds: unknownCount,
  })
  .meta({
    description:
      'What a whole run would read; null where it cannot be told. Seconds of what was cut: by the rate of the last run.',
  })

const column = z.object({ name: z.string(), type: z.string() })

const columnRows = z.object({ column: z.string(), rows: z.number() })

const paths = z.array(z.array(z.string()))

const rowExamples = rowExamplesDocument.meta({ id: 'SandboxRowExamples' })

const syncModes = {
  mode: z.enum(connectionChoices.destinationSyncMode),
  sync_mode: z.enum(connectionChoices.syncMode),
}

const keys = {
  primary_key: paths.meta({ description: 'The fields that tell its rows apart; none: no key.' }),
  cursor_field: z.array(z.string()).meta({ description: 'A path; empty: no cursor.' }),
}

const streamDiff = z
  .object({
    table_exists: z.boolean().meta({ description: 'False: the run makes the table.' }),
    added_columns: z.array(column),
    removed_columns: z.array(column).meta({
      description:
        'Columns that the last run had, and the source has no more: they stay, and new rows have NULL there.',
    }),
    own_columns: z.array(column).meta({
      description:
        'Columns of the table that are not the source’s: they stay, and new rows have their default there.',
    }),
    type_changes: z.array(z.object({ name: z.string(), from: z.string(), to: z.string() })),
    rows: rowCounts.meta({
      description:
        'Rows of the table. Null: not known, because a limit cut the stream or the comparison took too long.',
    }),
    at_least: z.array(z.enum(['insert', 'update', 'unchanged', 'delete'])).meta({
      description: 'Figures of `rows` of what was read only: a whole run does at least so much.',
    }),
    table_rows: z
      .object({ rows: z.number(), exact: z.boolean() })
      .nullable()
      .meta({ description: 'Rows of the table now; of a large one the server’s estimate.' }),
    estimated_delete: unknownCount.meta({
      description:
        'Rows that an overwrite which was cut may delete, by the rows of the table and the source’s own estimate.',
    }),
    nulled_values: z.array(columnRows).meta({
      description: 'Values that are there now and would be NULL.',
    }),
    reset_values: z.array(columnRows).meta({
      description: 'Values of `own_columns` that an overwrite replaces by the default.',
    }),
    dependent_rows: z
      .array(
        z.object({
          schema: z.string(),
          table: z.string(),
          constraint: z.string(),
          action: z.enum(['deleted', 'set_null', 'set_default']),
          rows: z.number(),
        }),
      )
      .meta({ description: 'Rows of other tables that change with those that a run deletes.' }),
    dependent_views: z.array(
      z.object({ schema: z.string(), name: z.string(), columns: z.array(z.string()) }),
    ),
  })
  .meta({ id: 'SandboxDiff' })

const sandboxStream = z
  .object({
    name: z.string(),
    namespace: z.string().optional(),
    ...syncModes,
    ...keys,
    last_settings: z
      .object({ ...syncModes, ...keys })
      .nullable()
      .meta({ description: 'How its last run was configured, where that was otherwise.' }),
    table: z.object({ schema: z.string(), name: z.string() }),
    read: z.number().meta({ description: 'Records that were read.' }),
    rejected: z.number(),
    complete: z.boolean().meta({
      description: 'True: it was read to its end, and the figures are those of a whole run.',
    }),
    declared_schema: freeObject,
    inferred_schema: freeObject.nullable(),
    schema_mismatches: z.array(
      z.object({
        field: z.string(),
        kind: z.enum(['undeclared', 'type', 'missing']),
        declared: z.string().nullable(),
        found: z.array(z.string()),
        records: z.number(),
      }),
    ),
    sample_rows: z.array(shownRow).meta({
      description:
        'Only in the answer of the request that ran the sandbox, and at `…/sandboxes/{id}/rows`.',
    }),
    row_examples: rowExamples.meta({
      description:
        'Some of the rows that a run would insert, change and delete: where `sample_rows` are.',
    }),
    diff_vs_current: streamDiff.optional(),
    estimated_cost: cost,
    warnings: z.array(z.string()),
    error: failure.optional(),
  })
  .meta({ id: 'SandboxStream' })

/** Plain data for the wire already: the engine makes it so (engine/sandbox/sandbox-report.ts). */
const reportSchema = z
  .object({
    id: z.string(),
    schema: z.string().meta({ description: 'Where the rows are until the sandbox expires.' }),
    limit_rows: z.int(),
    status: z.enum(['complete', 'partial', 'failed']),
    seconds: z.number(),
    streams: z.array(sandboxStream),
    totals: z.object({
      streams: z.int(),
      failed: z.int(),
      cut: z.int().meta({ description: 'Streams that a limit cut.' }),
      read: z.number(),
      rows: rowCounts.meta({
        description: 'Sums. Null: not known, because a stream failed, or a limit cut it.',
      }),
      rows_at_least: z
        .object({
          insert: z.number(),
          update: z.number(),
          unchanged: z.number(),
          delete: z.number(),
        })
        .meta({ description: 'Sums over what is known: a run does at least so much.' }),
      estimated_cost: cost,
    }),
    schema_drift: z
      .object({
        policy: schemaDriftPolicy,
        changes: z.array(schemaChangeDocument),
        total: z.int(),
        ignored_run: z
          .object({
            streams: z.array(sandboxStream),
            unread: z.array(z.object({ name: z.string(), namespace: z.string().optional() })),
            error: failure.nullable(),
          })
          .nullable()
          .meta({
            description:
              'Under `ignore`: what the next run does with the streams that changed, as long as nobody approves.',
          }),
      })
      .nullable()
      .meta({
        description:
          'How the source differs from what is approved, the first 100 streams; null: not at all. Promoting approves it.',
      }),
  })
  .meta({ id: 'SandboxReport' })

/** What a sandbox found, and what of it is not approved yet. */
export interface SandboxFindings extends SandboxReport {
  /** How the source's schema differs from what is approved for the connection; null: not at all. */
  readonly schema_drift: SandboxDrift | null
}

export interface SandboxDrift {
  /** What runs do about it. Promoting approves it under each policy. */
  readonly policy: SchemaDriftPolicy
  /** The first 100; `total` counts them all. */
  readonly changes: readonly ChangeDocument[]
  readonly total: number
  /** Where the policy is `ignore`: what the next run does as long as nobody approves. The report's streams are what promoting does. */
  readonly ignored_run: IgnoredRun | null
}

export interface IgnoredRun {
  /** Those whose schema changed, as they were approved. All others are as in the report. */
  readonly streams: readonly SandboxStream[]
  /** Streams that are not read. */
  readonly unread: readonly StreamId[]
  /** Why a run would fail before it reads. */
  readonly error: ErrorBody | null
}

/** The rows of one stream of a report. */
export interface StreamRows extends SandboxRows, StreamId {}

const summary = {
  id: sandboxId,
  connection: z.string(),
  /** expired: its token is worth nothing any more, and its schema is dropped. */
  status: z.enum(['running', 'ready', 'failed', 'promoted', 'expired']),
  limitRows: z.int(),
  principal: z.string().meta({ description: 'Id of the one who ran it, and may promote it.' }),
  createdAt: timestamp,
  expiresAt: timestamp,
  promotedRun: z.string().nullable().meta({ description: 'The run that its token started.' }),
}

export const sandboxSummarySchema = z.object(summary).meta({ id: 'SandboxSummary' })
export type SandboxSummary = Resource<typeof sandboxSummarySchema>
export type SandboxStatus = SandboxSummary['status']
export const sandboxSummaryDocument = wireSchema(sandboxSummarySchema)

const sandboxSchema = z
  .object({ ...summary, report: reportSchema.nullable(), error: failure.nullable() })
  .meta({ id: 'Sandbox' })
/** Its report is without rows, which are in no table of the service; null where it runs or failed. */
export interface Sandbox extends SandboxSummary {
  readonly report: SandboxFindings | null
  /** Why it failed. */
  readonly error: ErrorBody | null
}
export const sandboxDocument = wireSchema(sandboxSchema)

const finishedSandboxSchema = z
  .object({
    ...summary,
    report: reportSchema,
    promoteToken: z.string().nullable().meta({
      description: 'Shown this once. Null where the sandbox cannot be promoted.',
    }),
    tokenWithheld: z.enum(['some_streams', 'failed_streams']).nullable().meta({
      description: 'Why there is no token: not all streams were asked for, or some failed.',
    }),
  })
  .meta({ id: 'FinishedSandbox' })
/** What the one who ran it gets, once: its report is with rows. */
export type FinishedSandbox = Omit<Resource<typeof finishedSandboxSchema>, 'report'> & {
  readonly report: SandboxFindings
}
export type TokenWithheld = NonNullable<FinishedSandbox['tokenWithheld']>
export const finishedSandboxDocument = wireSchema(finishedSandboxSchema)

export const sandboxRowsDocument = z
  .object({
    streams: z.array(
      z.object({
        name: z.string(),
        namespace: z.string().optional(),
        sample_rows: z.array(shownRow),
        row_examples: rowExamples,
      }),
    ),
  })
  .meta({ id: 'SandboxRows' })

export function sandboxRowsToWire(
  streams: readonly StreamRows[],
): z.output<typeof sandboxRowsDocument> {
  return sandboxRowsDocument.parse({ streams })
}

export const promotionDocument = z
  .object({ connection: connectionDocument, run: runDocument })
  .meta({ id: 'Promotion' })

export function sandboxToWire(
  sandbox: Sandbox,
  docsBase: string,
): z.output<typeof sandboxDocument> {
  const { data: report } = reportSchema.safeParse(sandbox.report)
  return {
    ...toWire(sandboxSummarySchema, sandbox),
    // One that an older version kept may lack what this one tells.
    report: report === undefined ? null : withDocsUrls(report, docsBase),
    error: sandbox.error && withDocsUrl(sandbox.error, docsBase),
  }
}

export function finishedSandboxToWire(
  sandbox: FinishedSandbox,
  docsBase: string,
): z.output<typeof finishedSandboxDocument> {
  return {
    ...toWire(sandboxSummarySchema, sandbox),
    report: withDocsUrls(reportSchema.parse(sandbox.report), docsBase),
    promote_token: sandbox.promoteToken,
    token_withheld: sandbox.tokenWithheld,
  }
}

type Report = z.output<typeof reportSchema>

/** With errors of its streams whose pages a client can open. */
function withDocsUrls(report: Report, docsBase: string): Report {
  const ofStream = (stream: Report['streams'][number]): Report['streams'][number] => ({
    ...stream,
    ...(stream.error !== undefined && { error: withDocsUrl(stream.error, docsBase) }),
  })
  const ignored = report.schema_drift?.ignored_run ?? null
  return {
    ...report,
    streams: report.streams.map(ofStream),
    schema_drift: report.schema_drift && {
      ...report.schema_drift,
      ignored_run: ignored && {
        ...ignored,
        streams: ignored.streams.map(ofStream),
        error: ignored.error && withDocsUrl(ignored.error, docsBase),
      },
    },
  }
}
