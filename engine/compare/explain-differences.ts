import { shellWord } from '../../lib/text/shell-word.ts'
import { streamLabel } from '../../protocol/index.ts'
import type { PlannedStream } from '../run-types.ts'
import type { ComparedStream } from './compare-stream.ts'
import type { Repair } from './comparison-report.ts'
import { keyOf } from './compared-pair.ts'

/** Sentences that explain differences, for people. */
export function explainDifferences(planned: PlannedStream, compared: ComparedStream): string[] {
  return [
    ...explainKey(planned, compared),
    ...explainRows(planned, compared),
    ...explainCounts(compared),
  ]
}

function explainKey(planned: PlannedStream, { pair }: ComparedStream): string[] {
  const hasKey = keyOf(planned).length > 0
  if (pair.comparison.key.length === 0)
    return [
      hasKey
        ? 'Its key is masked or has another form there: only whole rows were compared.'
        : 'It has no key: only whole rows were compared. A changed row is missing and extra.',
    ]
  if (pair.sourceRows.hasUniqueKey || planned.mode === 'overwrite') return []
  return ['Its key is not unique at the source: of several rows, the newest by the cursor counts.']
}

function explainRows(planned: PlannedStream, { missing, extra, pair }: ComparedStream): string[] {
  const { comparison, table } = pair
  const notes: string[] = []
  if (missing > 0 && table.rejected > 0)
    notes.push(
      `${rows(table.rejected)} of the stream ${table.rejected === 1 ? 'was' : 'were'} rejected in its runs (reactor_connect.rejected_records): they are missing.`,
    )
  if (extra === 0 || comparison.key.length === 0 || isOverwrite(planned)) return notes
  notes.push(
    planned.stream.sync_mode === 'incremental'
      ? 'Extra rows were deleted at the source since, got another key there, or no longer match `where`: an incremental read does not see that.'
      : `Extra rows may have been deleted at the source since: ${planned.mode} keeps them.`,
  )
  return notes
}

function explainCounts({ explained, passing, examined, different }: ComparedStream): string[] {
  const notes: string[] = []
  if (explained > 0)
    notes.push(
      `${rows(explained)} ${explained === 1 ? 'differs' : 'differ'} only in values that the load has changed, as \`_airbyte_meta\` says.`,
    )
  if (passing > 0)
    notes.push(`${rows(passing)} differed at first and no longer at the second look.`)
  if (different > examined) notes.push(`Columns were compared in the first ${rows(examined)}.`)
  return notes
}

/** The beginnings of the commands that repair: of a run file, or of a connection of the service. */
export interface RepairCommands {
  /** `reactor connect run shop.yaml` */
  readonly run: string
  /** `reactor connect reset shop.yaml` */
  readonly reset: string
}

/** How missing and different rows are loaded; null if there are none. */
export function repairOf(
  planned: PlannedStream,
  { missing, different, extra, cursor }: ComparedStream,
  { run, reset }: RepairCommands,
): Repair | null {
  if (missing + different + extra === 0) return null
  if (isOverwrite(planned))
    return { reason: 'The next run replaces all rows of the table.', commands: [run] }
  const resetStream = `${reset} --streams ${shellWord(streamLabel(planned.stream.stream))}`
  if (planned.mode === 'append')
    return {
      reason: 'Empty the table first, or each row that is still there comes a second time.',
      commands: [resetStream, run],
    }
  const leaves = extra > 0 ? ' Extra rows stay until you delete them.' : ''
  if (missing + different === 0)
    return {
      reason:
        'No run deletes extra rows. Delete them, or empty the table and read the stream from its beginning.',
      commands: [resetStream, run],
    }
  if (planned.stream.sync_mode !== 'incremental')
    return { reason: `The next run merges all rows again.${leaves}`, commands: [run] }
  const range =
    cursor === undefined ? '' : ` --from ${shellWord(cursor.from)} --to ${shellWord(cursor.to)}`
  const what = cursor === undefined ? 'the stream from its beginning' : 'these rows'
  const reason = `The next run reads rows that changed since the last one. If they still differ then, a reset reads ${what} again.${leaves}`
  return { reason, commands: [run, `${resetStream}${range}`, run] }
}

function isOverwrite({ mode }: Pick<PlannedStream, 'mode'>): boolean {
  return mode === 'overwrite' || mode === 'overwrite_dedup'
}

function rows(count: number): string {
  return `${String(count)} ${count === 1 ? 'row' : 'rows'}`
}
