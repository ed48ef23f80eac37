import type { StreamCounts } from '../../engine/two-way/pair-types.ts'
import { shellWord } from '../../lib/text/shell-word.ts'
import type { PairRound } from '../../plan/pair/run-pair.ts'
import type { CommandOutput } from '../output/command-output.ts'
import { table } from '../output/table.ts'
import { count, counted } from '../run/amounts.ts'

export interface ReportContext {
  /** The pair file as the user named it. */
  readonly file: string
  readonly pair: string
  readonly output: Pick<CommandOutput, 'outPaint' | 'columns'>
}

const header = ['STREAM', 'CREATED', 'UPDATED', 'DELETED', 'CONFLICTS', 'WAITING']

/** The result of a round, by stream, and what is left to do. */
export function reportText(report: PairRound, { file, pair, output }: ReportContext): string {
  const rows = [...report.streams].map(([name, counts]) => countsRow(name, counts))
  const overview = table(rows, { header, columns: output.columns })
  const left = [...report.streams].flatMap(([name, counts]) => leftLines(name, counts, file))
  const notes = left.map((line) => `${output.outPaint('yellow', line)}\n`).join('')
  const end = report.isStopped ? 'stopped; run it again to finish' : 'round complete'
  const { openReviews } = report
  const reviews =
    openReviews === 0
      ? ''
      : `${counted(openReviews, 'review')} open: reactor connect pair review list ${shellWord(file)}\n`
  return `${overview}${notes}\n${pair}: ${end}\n${reviews}`
}

export function countsRow(name: string, counts: StreamCounts): readonly string[] {
  const { created, updated, deleted, conflicts, reviews, ambiguous } = counts
  const numbers = [created, updated, deleted, conflicts, reviews + ambiguous]
  return [name, ...numbers.map(count)]
}

export const countsHeader = header

function leftLines(name: string, counts: StreamCounts, file: string): readonly string[] {
  const word = shellWord(file)
  const lines: readonly (readonly [number, what: string, next: string])[] = [
    [counts.reviews, 'new conflicts that wait for a person', ''],
    [counts.ambiguous, 'new records with several possible counterparts', ''],
    [counts.quarantined, 'records that were written too often, now in quarantine', ''],
    [counts.refused, 'writes that their side refused', ''],
    [counts.unmatched, 'records of one side that may not be created on the other', ''],
    [
      counts.heldDeletes,
      'deletions above delete_limit, not carried',
      `\`reactor connect pair ${word} --preview\` shows them and prints the token that allows them`,
    ],
    [counts.unknown, 'writes without a known result', 'the next run looks them up'],
    [
      counts.changed,
      'records that changed while they were written',
      'what is left is decided by the next run',
    ],
  ]
  return lines
    .filter(([number]) => number > 0)
    .map(([number, what, next]) =>
      next === ''
        ? `${name}: ${what}: ${count(number)}`
        : `${name}: ${what}: ${count(number)}; ${next}`,
    )
}
