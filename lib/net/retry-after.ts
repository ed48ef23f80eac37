/** The pause that the header `Retry-After` asks for: seconds, or a date. Undefined if it asks for none. */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  if (header === null || header === undefined) return undefined
  const text = header.trim()
  const pauseMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isNaN(pauseMs) || pauseMs <= 0 ? undefined : pauseMs
}
