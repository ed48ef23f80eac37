/**
 * Directives from the greatest unit to the smallest: written in this order, and nothing else beside them,
 * times sort as text.
 */
const ranks: ReadonlyMap<string, number> = new Map([
  ['Y', 0],
  ['m', 1],
  ['d', 2],
  // The day of the year: nothing between it and the year.
  ['j', 2],
  ['H', 3],
  ['M', 4],
  ['S', 5],
  ['f', 6],
  ['_ms', 6],
])
/** Counts since 1970. Those of our times have the same number of digits. */
const counts: ReadonlySet<string> = new Set(['%s', '%s_as_float', '%ms', '%epoch_microseconds'])

/** Whether times in this format come in the order of their texts. */
export function sortsAsText(format: string): boolean {
  if (counts.has(format)) return true
  let last = -1
  for (const [, directive = ''] of format.replaceAll('%X', '%H:%M:%S').matchAll(/%(_ms|.)/gu)) {
    if (directive === '%') continue
    const rank = ranks.get(directive)
    if (rank === undefined || rank <= last || (last < 0 && rank > 0)) return false
    last = rank
  }
  return last >= 0
}

/** The formats that PostgreSQL reads as a time. */
const isoFormat = /^%Y-%m-%d[T ]%H:%M(?::%S(?:\.(?:%f|%_ms))?)?(?:%z|Z)?$/

export interface TextCursor {
  readonly warning: string
  /** Times of this format sort as text as long as all are in UTC, as those of most APIs are. */
  readonly sortsInUtc: boolean
}

/**
 * A destination compares versions of a record by their cursor: as text, if the schema says that the cursor is
 * a text. Returns the warning for formats whose order as text is wrong.
 */
export function textCursor(field: string, formats: readonly string[]): TextCursor | undefined {
  const wrong = formats.filter((known) => !known.includes('{') && !sortsAsText(known))
  const format = wrong.find((known) => !isoFormat.test(known)) ?? wrong[0]
  if (format === undefined) return undefined
  const sortsInUtc = isoFormat.test(format)
  const [when, fix] = sortsInUtc
    ? [' if their offsets differ', 'Declare the field in the schema with format: date-time.']
    : [
        '',
        'Write the field in a format that sorts, like %Y-%m-%dT%H:%M:%SZ (a transformation can), and declare it with format: date-time.',
      ]
  const warning = `The schema declares the cursor "${field}" as a text, so that the destination compares versions of a record as text, and times like ${format} do not sort so${when}: an older version may stay. ${fix}`
  return { warning, sortsInUtc }
}

/** Whether a time has another offset than UTC. */
export function isInOtherZone(time: string): boolean {
  const [, offset] = /([+-]\d\d:?\d\d)$/.exec(time) ?? []
  return offset !== undefined && /[1-9]/.test(offset)
}
