import { cutMark, cutText, searchedBehind } from '../cut-text.ts'
import type { SecretIndex } from './secret-index.ts'
import { secretMask } from './secret-mask.ts'
import { unitedSpans, type Span } from './spans.ts'

/**
 * Replaces what the indexes find by the mask, also where it is broken over several lines. Sixty thousand secrets over as many lines
 * take 0.2 s; a search for the line of each of them took over a minute (November 2026).
 */
export function maskSecrets(text: string, indexes: readonly SecretIndex[]): string {
  return masked({ text, end: text.length }, indexes).text
}

/**
 * The beginning of a text, masked: `most` characters of it. What a person is shown is cut in no other way, or a secret could be
 * cut in two, and what is left of it is not found.
 */
export function maskBeginning(text: string, indexes: readonly SecretIndex[], most: number): string {
  if (text.length <= most) return maskSecrets(text, indexes)
  const beginning = { text: text.slice(0, most + searchedBehind), end: most }
  const { text: searched, end } = masked(beginning, indexes)
  return cutText(searched.slice(0, end), end) + cutMark(text)
}

/** A text, and a place in it that goes along with what is replaced. */
interface Marked {
  readonly text: string
  readonly end: number
}

function masked(marked: Marked, indexes: readonly SecretIndex[]): Marked {
  const spansIn = (text: string): readonly Span[] => indexes.flatMap((index) => index.spansIn(text))
  const plain = replaced(marked, spansIn(marked.text))
  const { joined, original } = withoutLineBreaks(plain.text)
  if (joined.length === plain.text.length) return plain
  return replaced(plain, original(unitedSpans(spansIn(joined))))
}

function replaced({ text, end: marked }: Marked, spans: readonly Span[]): Marked {
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

/** Line breaks, also those that are escaped, with the indentation of the next line. */
const lineBreak = /\r?\n[ \t]*|(?:\\r)?\\n/gu

interface Joined {
  readonly joined: string
  /** Spans of the joined text, from the left, as spans of the text. */
  readonly original: (spans: readonly Span[]) => readonly Span[]
}

function withoutLineBreaks(text: string): Joined {
  /** Of each line: where it begins in the joined text, and how much was left out before it. */
  const lines: { readonly at: number; readonly left: number }[] = []
  const pieces: string[] = []
  let length = 0
  let end = 0
  for (const { 0: found, index } of text.matchAll(lineBreak)) {
    pieces.push(text.slice(end, index))
    length += index - end
    end = index + found.length
    lines.push({ at: length, left: end - length })
  }
  pieces.push(text.slice(end))
  const original = (spans: readonly Span[]): readonly Span[] => {
    let line = 0
    const leftBefore = (at: number): number => {
      for (let next = lines[line]; next !== undefined && next.at <= at; next = lines[line]) line++
      return lines[line - 1]?.left ?? 0
    }
    // An end is the place behind the last character: what was left out behind that stays.
    return spans.map(({ start, end: behind }) => ({
      start: start + leftBefore(start),
      end: behind + leftBefore(behind - 1),
    }))
  }
  return { joined: pieces.join(''), original }
}
