import type { RunLine } from '../client/follow-run.ts'
import { plainText } from '../output/plain-text.ts'

/** `12:03:04.120 WARN stream failed, trying again stream=public.customers` */
export function runLogLine({ at: time, level, message, fields }: RunLine): string {
  const facts = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return plainText([time.slice(11, 23), level.toUpperCase(), message, ...facts].join(' '))
}
