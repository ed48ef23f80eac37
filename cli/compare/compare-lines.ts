import type { ComparisonReport, StreamComparison } from '../../engine/compare/comparison-report.ts'
import { streamLabel } from '../../protocol/index.ts'
import { exitCodes } from '../exit-codes.ts'
import type { CommandOutput } from '../output/command-output.ts'
import { errorLines } from '../output/error-lines.ts'
import type { Paint, Style } from '../output/paint.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import { count, counted } from '../run/amounts.ts'

export function comparisonExitCode({ result }: Pick<ComparisonReport, 'result'>): number {
  const codes = {
    equal: exitCodes.complete,
    different: exitCodes.different,
    incomplete: exitCodes.partial,
  }
  return codes[result]
}

/** The width of the report where there is no terminal. */
const standardColumns = 80

/** The report for people: a line for each stream, and what differs below. */
export function comparisonText(
  report: ComparisonReport,
  { outPaint: paint, columns = standardColumns }: Pick<CommandOutput, 'outPaint' | 'columns'>,
): string {
  const header = ['STREAM', 'RESULT', 'SOURCE', 'DESTINATION', 'MISSING', 'EXTRA', 'DIFFERENT']
  const overview = table(report.streams.map(streamRow), {
    header,
    columns: Math.min(columns, standardColumns),
    dispensable: ['SOURCE'],
  })
  const details = report.streams.flatMap((stream) => streamLines(stream, paint))
  return `${overview}${details.map((line) => `${line}\n`).join('')}\n${summary(report, paint)}\n`
}

function labelOf({ name, namespace }: StreamComparison): string {
  return streamLabel(namespace === null ? { name } : { name, namespace })
}

function streamRow(stream: StreamComparison): readonly string[] {
  const { status, rows, missing, extra, different } = stream
  const isCompared = status === 'equal' || status === 'different'
  const numbers = [rows.source, rows.destination, missing, extra, different]
  return [labelOf(stream), status, ...numbers.map((number) => (isCompared ? count(number) : ''))]
}

function streamLines(stream: StreamComparison, paint: Paint): readonly string[] {
  const { key, columns, examples, notes, repair, error, not_compared: left } = stream
  const lines = [
    ...exampleLines('missing', examples.missing, key),
    ...exampleLines('extra', examples.extra, key),
    ...exampleLines('different', examples.different, key),
    ...(columns.length === 0
      ? []
      : [`columns: ${columns.map(({ name, rows }) => `${name} (${count(rows)})`).join(', ')}`]),
    ...left.map(({ field, reason }) => `not compared: ${field}: ${reason}`),
    ...notes,
    ...(repair === null
      ? []
      : [repair.reason, ...repair.commands.map((command) => `  ${command}`)]),
  ]
  const problem = error === null ? [] : errorLines(error, { paint, indent: '  ' })
  const all = [...problem, ...lines.map((line) => `  ${plainText(line)}`)]
  return all.length === 0 ? [] : ['', paint('bold', plainText(labelOf(stream))), ...all]
}

function exampleLines(
  kind: string,
  examples: StreamComparison['examples']['missing'],
  key: readonly string[],
): readonly string[] {
  return examples.map(({ key: texts, columns = [] }) => {
    const name = key.map((field, index) => `${field}=${shown(texts[index])}`).join(' ')
    const cells = columns.map(({ name: column, source, destination }) =>
      source === undefined ? column : `${column}: ${shown(source)} -> ${shown(destination)}`,
    )
    return `${kind}: ${name}${cells.length === 0 ? '' : ` (${cells.join(', ')})`}`
  })
}

function shown(text: string | null | undefined): string {
  return text ?? 'NULL'
}

const styles: Readonly<Record<ComparisonReport['result'], Style>> = {
  equal: 'green',
  different: 'red',
  incomplete: 'yellow',
}

function summary({ result, streams }: ComparisonReport, paint: Paint): string {
  const equal = streams.filter(({ status }) => status === 'equal').length
  const facts = `${count(equal)} of ${counted(streams.length, 'stream')} equal`
  return `${paint(styles[result], `comparison ${result}`)}: ${facts}`
}
