import type { LogRecords } from '../stream-log.ts'
import type { ParsedMessage } from './parse-message.ts'

/** A gathered entry is about as large as a block. */
const maxGatheredBytes = 256 * 1024

/**
 * `record` framing: `first` and the records that follow it without a gap, as one entry. The first message that does not
 * belong goes to `pushBack`.
 */
export function gatherRecords(
  first: ParsedMessage,
  take: () => ParsedMessage | undefined,
  pushBack: (parsed: ParsedMessage) => void,
): { readonly entry: LogRecords; readonly lastOffset: string } {
  const { entry } = first
  if (entry.type !== 'records') throw new TypeError('only records are gathered')
  const parts: Uint8Array[] = [entry.bytes]
  const ends: number[] = [entry.bytes.length]
  const keys: (Uint8Array | null)[] = [first.key ?? null]
  let size = entry.bytes.length
  let lastOffset = first.offset
  while (size < maxGatheredBytes) {
    const next = take()
    if (next === undefined) break
    if (!follows(next, first, entry.seq + ends.length)) {
      pushBack(next)
      break
    }
    size += next.entry.bytes.length
    parts.push(next.entry.bytes)
    ends.push(size)
    keys.push(next.key ?? null)
    lastOffset = next.offset
  }
  return {
    entry: {
      type: 'records',
      slice: entry.slice,
      seq: entry.seq,
      count: ends.length,
      bytes: concat(parts, size),
      ends: Uint32Array.from(ends),
      keys,
    },
    lastOffset,
  }
}

function follows(
  next: ParsedMessage,
  first: ParsedMessage,
  seq: number,
): next is ParsedMessage & { readonly entry: LogRecords } {
  return (
    next.entry.type === 'records' &&
    first.entry.type === 'records' &&
    next.key !== undefined &&
    next.attempt === first.attempt &&
    next.entry.slice === first.entry.slice &&
    next.entry.seq === seq
  )
}

function concat(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
