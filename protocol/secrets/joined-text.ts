import type { Span } from './spans.ts'

/** A text without its line breaks. */
interface JoinedText {
  readonly text: string
  /** Spans of it, from the left, as spans of the text with the line breaks. */
  readonly original: (spans: readonly Span[]) => readonly Span[]
}

/** Line breaks with the indentation of the next line. */
const indented = /(?:\r\n?|[\n\v\f\u0085\u2028\u2029])[ \t]*/gu
/** Without the indentation: a secret may have blanks of its own. */
const plain = /\r\n?|[\n\v\f\u0085\u2028\u2029]/gu
/** Line breaks as URLs and HTML escape them. */
const escaped = /(?:%(?:25){0,2}0[aAdD]|&#(?:1[03]|[xX]0{0,4}[aAdD]);)[ \t]*/gu
/** As JSON does. */
const escapedInJson = /(?<!\\)(\\+)(?:[rn]|u000[aAdD])[ \t]*/gu

/** A secret that is shorter without its line breaks may stand in any text. */
const minJoined = 8

/**
 * A text as it may have been before it was broken into lines. There are several readings of it if the line
 * breaks may have taken something with them that belongs to a secret. None if the text has no line breaks.
 */
export function joinedTexts(
  text: string,
  { withBlanks }: { readonly withBlanks: boolean },
): readonly JoinedText[] {
  const readings = [indented, ...(withBlanks && /[\r\n][ \t]/u.test(text) ? [plain] : [])]
  return readings.flatMap((breaks) => {
    const joined = withoutBreaks(text, breaks)
    return joined.text.length === text.length ? [] : [joined]
  })
}

/**
 * A secret as it stands in a joined text, if it has line breaks itself, also when only some of them were
 * recognized.
 */
export function joinedSecrets(secret: string): readonly string[] {
  const lines = without(secret, indented).text
  const forms = [lines, withoutBreaks(secret, indented).text]
  return [...new Set(forms)].filter((form) => form !== secret && form.length >= minJoined)
}

/**
 * Those of JSON last, as backslashes before and behind another line break are one run of them; and twice, as
 * what was escaped may hold some that are escaped themselves.
 */
function withoutBreaks(text: string, breaks: RegExp): JoinedText {
  return [breaks, escaped, escapedInJson, escapedInJson].reduce<JoinedText>(
    ({ text: before, original }, pattern) => {
      const joined = without(before, pattern)
      if (joined.text.length === before.length) return { text: before, original }
      return { text: joined.text, original: (spans) => original(joined.original(spans)) }
    },
    { text, original: (spans) => spans },
  )
}

function without(text: string, breaks: RegExp): JoinedText {
  /** For each line: where it begins in the joined text, and how much was left out before it. */
  const lines: { readonly start: number; readonly left: number }[] = []
  const pieces: string[] = []
  let length = 0
  let end = 0
  for (const { 0: lineBreak, 1: backslashes = '', index } of text.matchAll(breaks)) {
    const start = index + ownBackslashes(backslashes.length)
    pieces.push(text.slice(end, start))
    length += start - end
    end = index + lineBreak.length
    lines.push({ start: length, left: end - length })
  }
  pieces.push(text.slice(end))
  const original = (spans: readonly Span[]): readonly Span[] => {
    let line = 0
    const leftBefore = (position: number): number => {
      for (let next = lines[line]; next !== undefined && next.start <= position; next = lines[line])
        line++
      return lines[line - 1]?.left ?? 0
    }
    // An end is the place behind the last character: the text that was left out behind that stays.
    return spans.map(({ start, end: behind }) => ({
      start: start + leftBefore(start),
      end: behind + leftBefore(behind - 1),
    }))
  }
  return { text: lines.length === 0 ? text : pieces.join(''), original }
}

/**
 * How many backslashes before an escaped line break do not belong to it. JSON inside of JSON doubles the
 * backslashes of a text at each level, and those of a line break too, of which there is one at first: the
 * lowest bit of their number.
 */
function ownBackslashes(count: number): number {
  return count - (count & -count)
}
