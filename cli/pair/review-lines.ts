import type { OpenReview, RecordEvent } from '../../engine/two-way/postgres/review-store.ts'
import { shellWord } from '../../lib/text/shell-word.ts'
import type { ReviewDetails } from '../../plan/pair/review-pair.ts'
import { isJsonObject, type JsonValue } from '../../protocol/index.ts'
import { linkOfReference } from '../../sinks/two-way/references.ts'
import { otherSide, type SideName } from '../../sinks/two-way/link.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines } from '../output/list-lines.ts'
import { plainText } from '../output/plain-text.ts'
import { shown } from './preview-lines.ts'

/** The queue, for people. */
export function reviewsText(
  reviews: readonly OpenReview[],
  { file, columns }: { readonly file: string; readonly columns: number | undefined },
): string {
  return listLines({
    header: [
      'REVIEW',
      'KIND',
      'STREAM',
      'RECORD A',
      'RECORD B',
      'FIELD',
      'A',
      'B',
      'FOUND',
      'DECIDED',
    ],
    rows: reviews.map((review) => [
      review.id,
      review.kind,
      review.stream,
      review.record_a ?? '',
      review.record_b ?? '',
      fieldText(review),
      review.kind === 'conflict' ? valueText(review.value_a) : '',
      review.kind === 'conflict' ? valueText(review.value_b) : '',
      timeText(review.found_at),
      review.decision ?? '',
    ]),
    columns,
    dispensable: ['FOUND', 'RECORD B', 'RECORD A'],
    empty: {
      what: 'reviews',
      because: 'are open',
      next: `reactor connect pair ${shellWord(file)} --preview`,
    },
  })
}

function fieldText({ kind, field }: OpenReview): string {
  return kind === 'conflict' ? (field ?? 'whole record') : ''
}

function timeText(ms: number | null): string {
  return ms === null ? '' : formatTime(new Date(ms).toISOString())
}

/** One review with all that a person needs for the decision, and the commands that decide. */
export function reviewText({ review, candidates }: ReviewDetails, file: string): string {
  const { id, stream, kind, record_a: recordA, record_b: recordB } = review
  const resolve = `reactor connect pair review resolve ${shellWord(file)} ${id}`
  const head = `${kind} of ${stream}: a ${recordA ?? '-'}, b ${recordB ?? '-'}`
  const lines = {
    conflict: () => [
      `field: ${fieldText(review)}`,
      `agreed before: a ${valueText(review.base_a)}, b ${valueText(review.base_b)}`,
      `a: ${valueText(review.value_a)}`,
      `b: ${valueText(review.value_b)}`,
      `found: ${timeText(review.found_at)}`,
      ...(review.decision === null ? [] : [`decided: ${review.decision} wins at the next run`]),
      `next: ${resolve} --winner a   (or b)`,
    ],
    ambiguous: () => [
      ...candidates.map(
        ({ side, record, values }) =>
          `${side} ${record}: ${values === null ? 'not there any more' : valueText(values)}`,
      ),
      `next: ${resolve} --link RECORD   (or --create, --separate)`,
    ],
    quarantined: () => [
      'it was written more often than loop_limit allows: two automations may undo each other',
      `next: ${resolve} --release   (or --separate)`,
    ],
    refused: () => [
      `refused: ${review.reason ?? ''}`,
      'the write is sent again as soon as it is another one; mend the cause, or:',
      `next: ${resolve} --release   (or --separate)`,
    ],
  }[kind]()
  return [head, ...lines].map((line) => `${plainText(line)}\n`).join('')
}

/** All that happened to a record: a line each, the oldest first. */
export function historyText(
  events: readonly RecordEvent[],
  {
    stream,
    side,
    record,
  }: { readonly stream: string; readonly side: SideName; readonly record: string },
): string {
  if (events.length === 0)
    return `${plainText(`nothing was written and no conflict was found for ${stream} ${record} of side ${side}`)}\n`
  return events
    .map((event) => `${timeText(event.happened_at)}  ${plainText(eventText(event))}\n`)
    .join('')
}

function eventText(event: RecordEvent): string {
  if (event.kind === 'conflict') return conflictText(event)
  const { operation, side, values, before } = event
  const fields = Object.entries(values ?? {}).map(([name, value]) =>
    before === null || operation === 'create'
      ? `${name}: ${valueText(value)}`
      : `${name}: ${valueText(before[name] ?? null)} -> ${valueText(value)}`,
  )
  return `${operation ?? ''} on ${side ?? ''}${fields.length === 0 ? '' : ` (${fields.join(', ')})`}`
}

function conflictText({
  field,
  rule,
  winner,
  is_decided: isDecided,
  status,
  ...values
}: RecordEvent): string {
  const name = field ?? 'the whole record'
  const both = `a ${valueText(values.value_a)}, b ${valueText(values.value_b)}`
  if (winner === null)
    return `conflict of ${name}: ${both}; ${status === 'closed' ? 'closed' : 'waits for a person'}`
  const loser = otherSide(winner)
  const by = isDecided === true ? 'a person decided' : (rule ?? '')
  return `conflict of ${name}: ${winner} won (${by}); ${loser} lost ${valueText(values[`value_${loser}`])}`
}

/** References are links: their ids are shown as they are stored. */
function valueText(value: JsonValue): string {
  const link = linkOfReference(value)
  if (link !== null) return `link ${link}`
  if (isJsonObject(value))
    return Object.entries(value)
      .map(([name, item]) => `${name}=${shown(item)}`)
      .join(' ')
  return shown(value)
}
