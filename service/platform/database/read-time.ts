/**
 * `2026-11-28 05:10:08.123456+00` of a column, `2026-11-28T05:10:08.123456+00:00` inside a JSON document: in
 * UTC, of four digits a year.
 */
const inUtc = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?\+00(?::00)?$/

/**
 * A `timestamptz` as PostgreSQL writes it, as ISO 8601 with milliseconds in UTC. Cut out of the text if the
 * session is in UTC: by way of a Date, times took a fifth of the CPU of a page of 200 connections.
 */
export function readTime(text: string): string {
  const parts = inUtc.exec(text)
  if (parts === null) return new Date(text.replace(/([+-]\d\d)$/, '$1:00')).toISOString()
  const [, day = '', time = '', fraction = ''] = parts
  return `${day}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}
