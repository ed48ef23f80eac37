import { z } from 'zod'
import { errorBodySchema } from '../../protocol/errors/error-body.ts'
import {
  sandboxReportSchema,
  sandboxRowExamples,
  sandboxStreamSchema,
  type SandboxRows,
} from '../../engine/sandbox/sandbox-report.ts'
import type { ErrorBody, StreamId } from '../../protocol/index.ts'
import type { ReadOnly } from '../../lib/types/read-only.ts'
import { shownRow } from '../../sinks/postgres/sandbox/row-examples.ts'
import { connectionDocument } from '../connections/schema.ts'
import { schemaChangeDocument, schemaDriftPolicy } from '../schema-changes/schema.ts'
import { withDocsUrl } from '../platform/docs-url.ts'
import { timestamp } from '../platform/fields.ts'
import { toWire, snakeCaseSchema, type Resource } from '../platform/wire.ts'
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
      description: 'Maximum number of records to read of each stream; default 100.',
    }),
    streams: z.array(z.string().min(1).max(1024)).min(1).max(10_000).optional().meta({
      description:
        'Names of some streams. There is then no token, because the others were not checked.',
    }),
  })
  .optional()

/** Longer than any token: a longer one is not checked. */
const maxTokenLength = 200

export const promoteInput = z
  .strictObject({
    token: z.string().min(1).max(maxTokenLength).meta({
      description: 'The `promote_token` of a sandbox of this connection that you ran.',
    }),
  })
  .meta({ id: 'PromoteInput' })

/** The report of a sandbox, and the parts of it that are not approved yet. */
const reportSchema = sandboxReportSchema
  .extend({
    schema_drift: z
      .object({
        policy: schemaDriftPolicy,
        changes: z.array(schemaChangeDocument),
        total: z.int(),
        ignored_run: z
          .object({
            streams: z.array(sandboxStreamSchema),
            unread: z.array(z.object({ name: z.string(), namespace: z.string().exactOptional() })),
            error: errorBodySchema.nullable(),
          })
          .nullable()
          .meta({
            description:
              'For `ignore`: what the next run does with the streams that changed, until the change is approved.',
          }),
      })
      .nullable()
      .meta({
        description:
          'How the source differs from the approved schema, for the first 100 streams; null: not at all. Promoting approves it.',
      }),
  })
  .meta({ id: 'SandboxReport' })
export type SandboxFindings = ReadOnly<z.output<typeof reportSchema>>
export type SandboxDrift = NonNullable<SandboxFindings['schema_drift']>
export type IgnoredRun = NonNullable<SandboxDrift['ignored_run']>

/** The rows of one stream of a report. */
export interface StreamRows extends SandboxRows, StreamId {}

const summary = {
  id: sandboxId,
  connection: z.string(),
  /** expired: its token is no longer valid, and its schema is dropped. */
  status: z.enum(['running', 'ready', 'failed', 'promoted', 'expired']),
  limitRows: z.int(),
  principal: z
    .string()
    .meta({ description: 'Id of the principal who ran it, and may promote it.' }),
  createdAt: timestamp,
  expiresAt: timestamp,
  promotedRun: z.string().nullable().meta({ description: 'The run that its token started.' }),
}

export const sandboxSummarySchema = z.object(summary).meta({ id: 'SandboxSummary' })
export type SandboxSummary = Resource<typeof sandboxSummarySchema>
export const sandboxSummaryDocument = snakeCaseSchema(sandboxSummarySchema)

const sandboxSchema = z
  .object({ ...summary, report: reportSchema.nullable(), error: errorBodySchema.nullable() })
  .meta({ id: 'Sandbox' })
/** Its report has no rows: no table of the service has them; null if it is running or failed. */
export interface Sandbox extends SandboxSummary {
  readonly report: SandboxFindings | null
  /** Why it failed. */
  readonly error: ErrorBody | null
}
export const sandboxDocument = snakeCaseSchema(sandboxSchema)

const finishedSandboxSchema = z
  .object({
    ...summary,
    report: reportSchema,
    promoteToken: z.string().nullable().meta({
      description: 'Shown only once. Null if the sandbox cannot be promoted.',
    }),
    tokenWithheld: z.enum(['some_streams', 'failed_streams']).nullable().meta({
      description: 'Why there is no token: only some streams were requested, or some failed.',
    }),
  })
  .meta({ id: 'FinishedSandbox' })
/** The response to the principal who ran it, once: its report has rows. */
export type FinishedSandbox = Omit<Resource<typeof finishedSandboxSchema>, 'report'> & {
  readonly report: SandboxFindings
}
export type TokenWithheld = NonNullable<FinishedSandbox['tokenWithheld']>
export const finishedSandboxDocument = snakeCaseSchema(finishedSandboxSchema)

export const sandboxRowsDocument = z
  .object({
    streams: z.array(
      z.object({
        name: z.string(),
        namespace: z.string().exactOptional(),
        sample_rows: z.array(shownRow),
        row_examples: sandboxRowExamples,
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
    // One that an older version stored may lack fields of this one.
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

/** Makes the docs pages of its streams' errors URLs that a client can open. */
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
