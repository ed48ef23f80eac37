import { createHash } from 'node:crypto'
import type { RowTailOptions } from './copy-format.ts'

/** The first half of the ids of a slice's rows (UUID version 8, RFC 9562: 60 bits of hash), as 16 hexadecimal digits. */
export function idPrefix({ idFacts, syncId }: RowTailOptions, slice: string): string {
  const facts = [...idFacts, slice, syncId]
  const hex = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
  return `${hex.slice(0, 12)}8${hex.slice(12, 15)}`
}

/** The second half: the variant's bits 10, then 62 bits of sequence number. */
export function idSuffix(seq: number): { readonly high: number; readonly low: number } {
  return { high: 0x8000 + Math.floor(seq / 2 ** 48), low: seq % 2 ** 48 }
}
