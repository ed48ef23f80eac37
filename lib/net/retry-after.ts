/**
 * The pause that the header `Retry-After` asks for, in ms: seconds, or a date. Undefined if it asks for none.
 */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  const pauseMs = /^\d{1,9}(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : dateMs(text) - nowMs
  return Number.isNaN(pauseMs) || pauseMs <= 0 ? undefined : pauseMs
}

/** Names a month: other numbers are no dates, although they can be read as such. */
function dateMs(text: string): number {
  return /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN
}
