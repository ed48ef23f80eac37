import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import type { Paint } from '../output/paint.ts'
import type { Fact, SandboxReportDocument } from './sandbox-facts.ts'
import { sandboxView, type StreamView } from './sandbox-view.ts'

export interface LinesContext {
  readonly paint: Paint
  /** The width of the terminal; undefined: not a terminal, nothing is cut. */
  readonly columns: number | undefined
}

/** The sample rows shown of a table that the run creates; `--json` has them all. */
const sampleRows = 3

/** The report of a sandbox, for people: the headline and losses first, then each stream that changes. */
export function reportText(report: SandboxReportDocument, context: LinesContext): string {
  const { paint } = context
  const view = sandboxView(report)
  const { drift, unchanged } = view
  const blocks = [
    `${paint('bold', view.headline)}\n`,
    factLines(view.alarms, context),
    drift === null
      ? ''
      : [
          `${paint('yellow', drift.title)}\n`,
          indent(table(drift.rows, { columns: room(context, 2) }), 2),
          drift.ignored.length === 0
            ? ''
            : `${paint('yellow', 'While the change is ignored, the next run does this:')}\n${factLines(drift.ignored, context)}`,
        ].join(''),
    ...view.streams.map((stream) => streamText(stream, context)),
    unchanged.length === 0
      ? ''
      : `${paint('dim', plainText(`unchanged: ${unchanged.join(', ')}`))}\n`,
    `${view.footer.join('\n')}\n`,
  ]
  return blocks.filter((block) => block !== '').join('\n')
}

function streamText(stream: StreamView, context: LinesContext): string {
  const { sign, title, about } = stream
  const head = `${sign} ${context.paint('bold', plainText(title))}  ${plainText(about)}\n`
  return `${head}${factLines(stream.facts, context)}${sampleText(stream, context)}`
}

/** They are not cut: an error or a count with a missing part misleads. */
function factLines(facts: readonly Fact[], { paint }: LinesContext): string {
  const lines = table(facts.map(({ cells }) => cells)).split('\n')
  return facts
    .map(({ style }, index) => {
      const line = `  ${lines[index] ?? ''}`
      return `${style === undefined ? line : paint(style, line)}\n`
    })
    .join('')
}

function sampleText({ samples: rows }: StreamView, context: LinesContext): string {
  const [first] = rows
  if (first === undefined) return ''
  const names = Object.keys(first)
  const shown = rows.slice(0, sampleRows)
  const cells = shown.map((row) => names.map((name) => row[name] ?? 'NULL'))
  const lines = table(cells, { header: names, columns: room(context, 4) })
  const title = `${String(shown.length)} of ${String(rows.length)} sample rows:`
  return `  ${context.paint('dim', title)}\n${indent(lines, 4)}`
}

function room({ columns }: LinesContext, taken: number): number | undefined {
  return columns === undefined ? undefined : columns - taken
}

function indent(lines: string, by: number): string {
  return lines.replaceAll(/^(?=.)/gm, ' '.repeat(by))
}
