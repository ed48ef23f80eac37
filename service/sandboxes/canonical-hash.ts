import { createHash } from 'node:crypto'
import { canonicalJson } from '../../lib/text/canonical-json.ts'

/** SHA-256 (hex): the same for the same value, whatever the order of its properties. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}
