import type { z } from 'zod'
import { streamLabel } from '../../protocol/index.ts'
import type { finishedSandboxDocument, sandboxDocument } from '../../service/http/wire/sandbox.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import { count, duration } from '../run/amounts.ts'
import type { Paint, Style } from '../run/paint.ts'

export type SandboxReport = NonNullable<z.output<typeof sandboxDocument>['report']>
export type FinishedSandbox = z.output<typeof finishedSandboxDocument>
type Stream = SandboxReport['streams'][number]
type Diff = NonNullable<Stream['diff_vs_current']>

export interface LinesContext {
  readonly paint: Paint
  /** The width of the terminal; undefined: it is none, nothing is cut. */
  readonly columns: number | undefined
}

/** Of a sample; `--json` has them all. */
const sampleRows = 5

/** One fact of a stream: a sign, what it is about, and what it says. */
interface Fact {
  readonly style?: Style
  readonly cells: readonly [sign: string, what: string, text: string]
}

/** What a sandbox found, for people: each stream with what a run would change, the sums last. */
export function reportText(report: SandboxReport, context: LinesContext): string {
  const streams = report.streams.map((stream) => `${streamText(stream, context)}\n`)
  return [...streams, totalsLine(report)].join('')
}

function streamText(stream: Stream, context: LinesContext): string {
  const { table: at, mode, sync_mode: syncMode, complete, error } = stream
  const ends = complete ? 'all of it' : 'the first of it'
  const read = error === undefined ? `${count(stream.read)} read (${ends})` : 'failed'
  const title = plainText(`${streamLabel(stream)} -> ${at.schema}.${at.name}`)
  const head = `${context.paint('bold', title)}  ${syncMode}, ${mode}, ${read}\n`
  return `${head}${factLines(factsOf(stream), context)}${sampleText(stream, context)}`
}

function factsOf(stream: Stream): readonly Fact[] {
  const { diff_vs_current: diff, error } = stream
  const mismatches = stream.schema_mismatches.map(mismatch)
  const warnings = stream.warnings.map((text) => fact(['!', 'warning'], text, 'yellow'))
  return [
    ...(error === undefined
      ? []
      : [
          fact(['!', 'error'], `${error.message} [${error.code}]`, 'red'),
          fact(['', 'fix'], error.suggested_fix),
        ]),
    ...(diff === undefined ? [] : diffFacts(diff)),
    ...(stream.rejected > 0
      ? [fact(['!', 'rejected'], `${count(stream.rejected)} records`, 'red')]
      : []),
    ...mismatches,
    ...warnings,
  ]
}

function diffFacts(diff: Diff): readonly Fact[] {
  const isNew = !diff.table_exists
  return [
    ...(isNew ? [fact(['+', 'table'], 'new', 'green')] : []),
    ...diff.added_columns.map(({ name, type }) =>
      fact(['+', 'column'], `${name}  ${type}`, 'green'),
    ),
    ...diff.removed_columns.map(({ name, type }) =>
      fact(
        ['-', 'column'],
        `${name}  ${type}: not in the source; stays, new rows have NULL`,
        'yellow',
      ),
    ),
    ...diff.type_changes.map(({ name, from, to }) =>
      fact(['~', 'column'], `${name}  ${from} becomes ${to}`, 'yellow'),
    ),
    rowsFact(diff.rows),
    ...diff.nulled_values.map(({ column, rows }) =>
      fact(['!', 'becomes NULL'], `${column}: ${count(rows)} values that are there now`, 'red'),
    ),
    ...diff.dependent_views.map(({ schema, name, columns }) =>
      fact(['', 'view'], `${schema}.${name} reads ${columns.join(', ')}`),
    ),
  ]
}

function rowsFact({ insert, update, unchanged, delete: gone }: Diff['rows']): Fact {
  const deletes = gone !== null && gone > 0
  const parts = [
    known(insert, 'inserted'),
    known(update, 'updated'),
    known(unchanged, 'unchanged'),
    known(gone, 'deleted'),
  ]
  return fact([deletes ? '!' : '', 'rows'], parts.join(', '), deletes ? 'red' : undefined)
}

function mismatch({ field, kind, declared, found, records }: Stream['schema_mismatches'][number]) {
  const seen = `${found.join(' or ')} in ${count(records)} records`
  switch (kind) {
    case 'undeclared':
      return fact(['!', 'not declared'], `${field}: ${seen}; not loaded`, 'yellow')
    case 'type':
      return fact(['!', 'other type'], `${field}: ${declared ?? ''} declared, ${seen}`, 'yellow')
    case 'missing':
      return fact(['', 'never there'], `${field}: declared, in none of the records`)
  }
}

function known(value: number | null, what: string): string {
  return value === null ? `${what}: not known` : `${count(value)} ${what}`
}

function fact([sign, what]: readonly [string, string], text: string, style?: Style): Fact {
  return { cells: [sign, what, text], ...(style !== undefined && { style }) }
}

/** They are not cut: what is left out of an error or of a count misleads. */
function factLines(facts: readonly Fact[], { paint }: LinesContext): string {
  const lines = table(facts.map(({ cells }) => cells)).split('\n')
  return facts
    .map(({ style }, index) => {
      const line = `  ${lines[index] ?? ''}`
      return `${style === undefined ? line : paint(style, line)}\n`
    })
    .join('')
}

function sampleText({ sample_rows: rows }: Stream, { paint, columns }: LinesContext): string {
  const [first] = rows
  if (first === undefined) return ''
  const names = Object.keys(first)
  const shown = rows.slice(0, sampleRows)
  const cells = shown.map((row) => names.map((name) => row[name] ?? 'NULL'))
  const lines = table(cells, {
    header: names,
    ...(columns !== undefined && { columns: columns - 4 }),
  })
  const of = `${String(shown.length)} of ${String(rows.length)} sample rows:`
  const indented = lines.replaceAll(/^(?=.)/gm, '    ')
  return `  ${paint('dim', of)}\n${indented}`
}

function totalsLine({ totals, seconds, limit_rows: limit }: SandboxReport): string {
  const { rows, estimated_cost: cost, cut, failed } = totals
  const facts = [
    `${count(totals.streams)} streams, ${count(totals.read)} records read in ${duration(seconds)}`,
    ...(cut > 0 ? [`${count(cut)} cut at ${count(limit)}`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    `${count(rows.insert)} rows inserted, ${count(rows.update)} updated, ${count(rows.delete)} deleted`,
  ]
  const run = [
    ...(cost.rows === null ? [] : [`about ${count(cost.rows)} records`]),
    ...(cost.requests === null ? [] : [`${count(cost.requests)} requests`]),
    ...(cost.seconds === null ? [] : [duration(cost.seconds)]),
  ]
  const whole = run.length === 0 ? '' : `a whole run: ${run.join(', ')}\n`
  return `${facts.join('; ')}\n${whole}`
}
