/** A part of a text. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** From the left, none of which touches another. */
export function unitedSpans(spans: readonly Span[]): readonly Span[] {
  const apart: Span[] = []
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = apart.at(-1)
    if (last === undefined || last.end < start) apart.push({ start, end })
    else if (last.end < end) apart[apart.length - 1] = { start: last.start, end }
  }
  return apart
}
