import { createHash } from 'node:crypto'

/**
 * The facts that the raw ids of a sync derive from, in addition to slice and sequence: a replayed record gets
 * the same id.
 */
export interface RowIdFacts {
  readonly idFacts: readonly (string | number | null)[]
  readonly syncId: number
}

/**
 * The first half of the ids of a slice's rows (UUID version 8, RFC 9562: 60 bits of hash), as 16 hexadecimal
 * digits.
 */
export function idPrefix({ idFacts, syncId }: RowIdFacts, slice: string): string {
  const facts = [...idFacts, slice, syncId]
  const hex = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
  return `${hex.slice(0, 12)}8${hex.slice(12, 15)}`
}

/** The second half: the variant's bits 10, then 62 bits of sequence number. */
export function idSuffix(seq: number): { readonly high: number; readonly low: number } {
  return { high: 0x8000 + Math.floor(seq / 2 ** 48), low: seq % 2 ** 48 }
}

/** The first half as it stands in the text of a UUID. */
export function idPrefixText(facts: RowIdFacts, slice: string): string {
  const hex = idPrefix(facts, slice)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12)}-`
}

/** The second half as it stands in the text of a UUID. */
export function idSuffixText(seq: number): string {
  const { high, low } = idSuffix(seq)
  return `${high.toString(16)}-${low.toString(16).padStart(12, '0')}`
}
