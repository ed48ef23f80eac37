import { createHmac } from 'node:crypto'
import { hasHash } from '../protocol/rules/record-rules.ts'
import type { PlannedStream } from './run-types.ts'

/** No value of a column begins with U+0000, so the mark is not the beginning of the hash of one. */
const label = '\0mask key of '

/**
 * The streams, those with hashes marked with their key: a destination finds out whether it is still the same,
 * and cannot learn it. The mark differs from connection to connection.
 */
export function markMaskKey(
  streams: readonly PlannedStream[],
  { connection, maskKey }: { readonly connection: string; readonly maskKey: string | undefined },
): readonly PlannedStream[] {
  if (maskKey === undefined) return streams
  const hmac = createHmac('sha256', maskKey).update(`${label}${connection}`)
  const keyMark = hmac.digest('hex').slice(0, 16)
  return streams.map((planned) => {
    const { rules = { masked: [] }, source } = planned
    const isHashed = source !== undefined && hasHash(source.rules)
    return isHashed ? { ...planned, rules: { ...rules, keyMark } } : planned
  })
}
