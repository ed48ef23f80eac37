import type {
  PlannedChange,
  PlannedConflict,
  StreamPreview,
} from '../../engine/two-way/preview/preview-pair.ts'
import { shellWord } from '../../lib/text/shell-word.ts'
import type { JsonValue } from '../../protocol/index.ts'
import { otherSide, type WriteOperation } from '../../sinks/two-way/link.ts'
import type { CommandOutput } from '../output/command-output.ts'
import type { Paint } from '../output/paint.ts'
import { plainText } from '../output/plain-text.ts'
import { table } from '../output/table.ts'
import { count } from '../run/amounts.ts'
import { tokenReasons, type PreviewFacts } from './pair-documents.ts'
import { countsHeader, countsRow } from './pair-lines.ts'

/** Changes and conflicts that are shown of a stream; `--json` has all. */
const shownItems = 20

/** The preview for people: an overview, then each stream that changes, then the token. */
export function previewText(
  facts: PreviewFacts,
  { outPaint: paint, columns }: Pick<CommandOutput, 'outPaint' | 'columns'>,
): string {
  const { streams } = facts.preview
  const rows = streams.map(({ name, counts }) => countsRow(name, counts))
  const sides = `a: ${facts.file.sides.a.place}\nb: ${facts.file.sides.b.place}\n`
  return [
    `${sides}\n${table(rows, { header: countsHeader, columns })}`,
    ...streams.map((stream) => streamText(stream, paint)).filter((text) => text !== ''),
    endText(facts, paint),
  ].join('\n')
}

function streamText(stream: StreamPreview, paint: Paint): string {
  const { name, isFirst, changes, conflicts, ambiguous, counts } = stream
  const lines = [
    ...conflicts.slice(0, shownItems).map((conflict) => paint('yellow', conflictLine(conflict))),
    ...more(conflicts.length, 'conflicts'),
    ...ambiguous
      .slice(0, shownItems)
      .map(({ side, record }) =>
        paint('yellow', `? ${side} ${record}: several records could be its counterpart`),
      ),
    ...more(ambiguous.length, 'ambiguous records'),
    ...changes.slice(0, shownItems).map((change) => changeLine(change, paint)),
    ...more(changes.length, 'changes'),
    ...(counts.unmatched > 0
      ? [`${count(counts.unmatched)} records are on one side only, and may not be created`]
      : []),
    ...(counts.unknown > 0
      ? [
          `${count(counts.unknown)} writes of an earlier run have no known result: a run looks them up first`,
        ]
      : []),
  ]
  if (lines.length === 0) return ''
  const title = `${plainText(name)}${isFirst ? ' (first alignment)' : ''}`
  return `${paint('bold', title)}\n${lines.map((line) => `  ${line}\n`).join('')}`
}

function more(total: number, what: string): readonly string[] {
  return total > shownItems
    ? [`… and ${count(total - shownItems)} more ${what}; --json shows all`]
    : []
}

const signs: Readonly<Record<WriteOperation, readonly [string, 'green' | 'yellow' | 'red']>> = {
  create: ['+ create', 'green'],
  restore: ['+ restore', 'green'],
  update: ['~ update', 'yellow'],
  delete: ['- delete', 'red'],
  mark_deleted: ['- mark as deleted', 'red'],
}

function changeLine(
  { side, operation, record, from, fields }: PlannedChange,
  paint: Paint,
): string {
  const [sign, style] = signs[operation]
  const source = from === null ? '' : ` from ${otherSide(side)} ${from}`
  const isNew = operation === 'create' || operation === 'restore'
  const cells = fields.map(({ field, before, after }) =>
    isNew ? `${field}: ${shown(after)}` : `${field}: ${shown(before)} -> ${shown(after)}`,
  )
  const target = record === null ? `on ${side}` : `${side} ${record}`
  const about = cells.length === 0 ? '' : ` (${cells.join(', ')})`
  return `${paint(style, sign)} ${plainText(`${target}${source}${about}`)}`
}

function conflictLine({ records, field, rule, winner, values }: PlannedConflict): string {
  const place = `a ${records.a ?? '-'} / b ${records.b ?? '-'}`
  const what = field ?? 'deleted on one side, edited on the other'
  const both = `a ${shown(values.a)}, b ${shown(values.b)}`
  const end =
    winner === null
      ? 'waits for a person'
      : `${winner} wins, ${otherSide(winner)} loses ${shown(values[otherSide(winner)])}`
  return plainText(`! ${place} ${what}: ${both}; ${end} (${rule})`)
}

/** A value on one line; a record as its fields. */
export function shown(value: JsonValue): string {
  if (value === null) return 'NULL'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function endText({ path, file, preview, token }: PreviewFacts, paint: Paint): string {
  const { streams } = preview
  const isQuiet = streams.every(
    ({ changes, conflicts, ambiguous }) =>
      changes.length + conflicts.length + ambiguous.length === 0,
  )
  if (isQuiet) return 'nothing to do: a run would write nothing\n'
  const reasons = tokenReasons({ file, preview }).map(
    (reason) => `${paint('yellow', 'needs the token:')} ${reason}\n`,
  )
  return `${reasons.join('')}nothing was written. This does exactly that, or nothing if something has changed since:\n  reactor connect pair ${shellWord(path)} --token ${token}\n`
}
