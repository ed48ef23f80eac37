/** `2026-11-26 12:53:01Z` of an ISO 8601 time; empty for none. */
export function moment(at: string | null): string {
  if (at === null) return ''
  const ms = Date.parse(at)
  return Number.isNaN(ms) ? at : `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`
}
