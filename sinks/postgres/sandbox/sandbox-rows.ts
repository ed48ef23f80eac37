import { z } from 'zod'
import { quoteTable } from '../tables/identifiers.ts'
import type { PostgresPlace } from '../postgres-place.ts'
import { DestinationSession } from '../session.ts'
import { rowExamplesDocument, shownRow, type RowExamples, type ShownRow } from './row-examples.ts'
import { sandboxSchemaName } from './sandbox-schema.ts'

const reportRows = z.object({
  sample_rows: z.array(shownRow),
  row_examples: rowExamplesDocument,
})

/** The rows that the report of a stream shows. */
export interface ReportRows {
  readonly sample_rows: readonly ShownRow[]
  readonly row_examples: RowExamples
}

const tableOf = (schema: string): string => quoteTable({ schema, table: '_reactor_report' })

/** Rows of a report are the customer's data: they are kept in the sandbox's schema, and go with it. */
export async function storeRows(
  session: DestinationSession,
  schema: string,
  rows: readonly ReportRows[],
): Promise<void> {
  const documents = rows.map(({ sample_rows, row_examples }) =>
    JSON.stringify({ sample_rows, row_examples }),
  )
  await session.run(
    `CREATE TABLE ${tableOf(schema)} (stream int PRIMARY KEY, document pg_catalog.text NOT NULL)`,
  )
  await session.rows(
    `INSERT INTO ${tableOf(schema)} SELECT place, document FROM unnest($1::text[]) WITH ORDINALITY AS d (document, place)`,
    [documents],
  )
}

/**
 * The sample rows and examples of a sandbox, by the streams of its report, in their order. Undefined if the
 * schema is gone, or the sandbox did not come to its end.
 */
export async function readSandboxRows(
  place: PostgresPlace,
  id: string,
): Promise<readonly ReportRows[] | undefined> {
  const table = tableOf(sandboxSchemaName(id))
  await using session = await DestinationSession.open({ address: place.address })
  const [found] = await session.rows<{ exists: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS exists',
    [table],
  )
  if (found?.exists !== true) return undefined
  const rows = await session.rows<{ document: string }>(
    `SELECT document FROM ${table} ORDER BY stream`,
  )
  return rows.map((row) => reportRows.parse(JSON.parse(row.document)))
}
