/** `2026-11-26 12:53:01Z` of an ISO 8601 time; empty for none. */
export function formatTime(time: string | null): string {
  if (time === null) return ''
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? time : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`
}
