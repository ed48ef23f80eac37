import { z } from 'zod'
import type { SandboxReport } from '../../../engine/sandbox/sandbox-report.ts'
import { maxTokenLength } from '../../sandbox/promote-token.ts'
import { connectionDocument } from './connection.ts'
import { freeObject, timestamp } from './names.ts'
import { failure, runDocument } from './run.ts'
import type { FinishedSandbox, Sandbox, SandboxSummary } from '../../contract/sandboxes.ts'

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

export const promoteInput = z
  .strictObject({
    token: z.string().min(1).max(maxTokenLength).meta({
      description: 'The `promote_token` of a sandbox of this connection, which you ran.',
    }),
  })
  .meta({ id: 'PromoteInput' })

const unknownCount = z.number().nullable()

const rowCounts = z
  .object({
    insert: unknownCount,
    update: unknownCount,
    unchanged: unknownCount,
    delete: unknownCount,
  })
  .meta({
    description:
      'Rows of the table. Null: not known, because a limit cut the stream or the comparison took too long.',
  })

const cost = z
  .object({
    rows: unknownCount,
    bytes: unknownCount,
    requests: unknownCount.meta({ description: 'Of a source that speaks HTTP.' }),
    seconds: unknownCount,
  })
  .meta({ description: 'What a whole run would read; null where it cannot be told.' })

const column = z.object({ name: z.string(), type: z.string() })

const streamDiff = z
  .object({
    table_exists: z.boolean().meta({ description: 'False: the run makes the table.' }),
    added_columns: z.array(column),
    removed_columns: z.array(column).meta({
      description: 'Columns that the source has not: they stay, and new rows have NULL there.',
    }),
    type_changes: z.array(z.object({ name: z.string(), from: z.string(), to: z.string() })),
    rows: rowCounts,
    nulled_values: z.array(z.object({ column: z.string(), rows: z.number() })).meta({
      description: 'Values that are there now and would be NULL.',
    }),
    dependent_views: z.array(
      z.object({ schema: z.string(), name: z.string(), columns: z.array(z.string()) }),
    ),
  })
  .meta({ id: 'SandboxDiff' })

const sandboxStream = z
  .object({
    name: z.string(),
    namespace: z.string().optional(),
    mode: z.enum(['append', 'append_dedup', 'overwrite', 'overwrite_dedup']),
    sync_mode: z.enum(['full_refresh', 'incremental']),
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
    sample_rows: z.array(z.record(z.string(), z.string().nullable())).meta({
      description: 'Only in the answer of the request that ran the sandbox.',
    }),
    diff_vs_current: streamDiff.optional(),
    estimated_cost: cost,
    warnings: z.array(z.string()),
    error: failure.optional(),
  })
  .meta({ id: 'SandboxStream' })

const report = z
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
      rows: z.object({
        insert: z.number(),
        update: z.number(),
        unchanged: z.number(),
        delete: z.number(),
      }),
      estimated_cost: cost,
    }),
  })
  .meta({ id: 'SandboxReport' })

const summary = {
  id: sandboxId,
  connection: z.string(),
  status: z.enum(['running', 'ready', 'failed', 'promoted', 'expired']),
  limit_rows: z.int(),
  principal: z.string().meta({ description: 'Id of the one who ran it, and may promote it.' }),
  created_at: timestamp,
  expires_at: timestamp,
  promoted_run: z.string().nullable().meta({ description: 'The run that its token started.' }),
}

export const sandboxSummaryDocument = z.object(summary).meta({ id: 'SandboxSummary' })

export const sandboxDocument = z
  .object({ ...summary, report: report.nullable(), error: failure.nullable() })
  .meta({ id: 'Sandbox' })

export const finishedSandboxDocument = z
  .object({
    ...summary,
    report,
    promote_token: z.string().nullable().meta({
      description: 'Shown this once. Null where the sandbox cannot be promoted.',
    }),
    token_withheld: z.enum(['some_streams', 'failed_streams']).nullable().meta({
      description: 'Why there is no token: not all streams were asked for, or some failed.',
    }),
  })
  .meta({ id: 'FinishedSandbox' })

export const promotionDocument = z
  .object({ connection: connectionDocument, run: runDocument })
  .meta({ id: 'Promotion' })

export function sandboxSummaryToWire(
  sandbox: SandboxSummary,
): z.output<typeof sandboxSummaryDocument> {
  return {
    id: sandbox.id,
    connection: sandbox.connection,
    status: sandbox.status,
    limit_rows: sandbox.limitRows,
    principal: sandbox.principal,
    created_at: sandbox.createdAt,
    expires_at: sandbox.expiresAt,
    promoted_run: sandbox.promotedRun,
  }
}

export function sandboxToWire(sandbox: Sandbox): z.output<typeof sandboxDocument> {
  return {
    ...sandboxSummaryToWire(sandbox),
    // One that an older version kept may lack what this one tells.
    report: report.safeParse(sandbox.report).data ?? null,
    error: sandbox.error,
  }
}

export function finishedSandboxToWire(
  sandbox: FinishedSandbox,
): z.output<typeof finishedSandboxDocument> {
  return {
    ...sandboxSummaryToWire(sandbox),
    report: reportToWire(sandbox.report),
    promote_token: sandbox.promoteToken,
    token_withheld: sandbox.withheld,
  }
}

/** It is plain data for the wire already. */
function reportToWire(kept: SandboxReport): z.output<typeof report> {
  return report.parse(kept)
}
