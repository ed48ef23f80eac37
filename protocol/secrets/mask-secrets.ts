import { cutMark, cutText, searchedBehind } from '../cut-text.ts'
import { joinedTexts } from './joined-text.ts'
import type { SecretIndex } from './secret-index.ts'
import { secretMask } from './secret-mask.ts'
import { unitedSpans, type Span } from './spans.ts'

/**
 * Replaces what the indexes find by the mask, also if it is broken over several lines. Sixty thousand secrets
 * over as many lines take 0.2 s; a search for the line of each of them took over a minute (November 2026).
 */
export function maskSecrets(text: string, indexes: readonly SecretIndex[]): string {
  return maskMarked({ text, end: text.length }, indexes).text
}

/**
 * The beginning of a text, masked: `most` characters of it. Texts for people are cut in no other way:
 * otherwise a secret could be cut in two, and the rest of it would not be found.
 */
export function maskBeginning(text: string, indexes: readonly SecretIndex[], most: number): string {
  if (text.length <= most) return maskSecrets(text, indexes)
  const beginning = { text: text.slice(0, most + searchedBehind), end: most }
  const { text: searched, end } = maskMarked(beginning, indexes)
  return cutText(searched.slice(0, end), end) + cutMark(text)
}

/** A text, and a place in it that goes along with what is replaced. */
interface Marked {
  readonly text: string
  readonly end: number
}

/**
 * All secrets are searched for before any is replaced: the rest of a secret that was replaced in part is not
 * found.
 */
function maskMarked(marked: Marked, indexes: readonly SecretIndex[]): Marked {
  const { text } = marked
  const withBlanks = indexes.some((index) => index.hasBlanks)
  const spans = [
    ...indexes.flatMap((index) => index.spansIn(text)),
    ...joinedTexts(text, { withBlanks }).flatMap((joined) =>
      joined.original(unitedSpans(indexes.flatMap((index) => index.spansInJoined(joined.text)))),
    ),
  ]
  return replaceSpans(marked, spans)
}

function replaceSpans({ text, end: marked }: Marked, spans: readonly Span[]): Marked {
  let shown = ''
  let from = 0
  let end = marked
  let grown = 0
  for (const span of unitedSpans(spans)) {
    shown += text.slice(from, span.start) + secretMask
    from = span.end
    const before = grown
    grown += secretMask.length - (span.end - span.start)
    if (span.end <= marked) end = marked + grown
    else if (span.start < marked) end = span.start + before + secretMask.length
  }
  return { text: shown + text.slice(from), end }
}
