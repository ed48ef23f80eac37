import type { LogEntry } from '../stream-log.ts'

export interface ToReader {
  readonly entry: LogEntry
  /** The bytes that the entry adds to the bytes in flight; the reader releases them. */
  readonly weight: number
}

/**
 * `freed`: weight that the reader no longer holds, `buffers`: of the records in it. `done`: it has taken the
 * `close`, and may go.
 */
export type ToWriter =
  { readonly freed: Weights; readonly buffers: readonly ArrayBuffer[] } | { readonly done: true }

/**
 * Records are held until the reader releases them, everything else only until it is handed over. Each has its
 * own bound: a state must reach a reader that holds all the records it may, because it releases them after
 * the state.
 */
export interface Weights {
  records: number
  others: number
}

/** The buffers that move with an entry. */
export function buffersOf(entry: LogEntry): ArrayBuffer[] {
  if (entry.type !== 'records') return []
  const { buffer } = entry.bytes
  return buffer instanceof ArrayBuffer ? [buffer] : []
}

/** The weight of an entry without a payload, in bytes, so that a flood of such entries is bounded too. */
const entryWeight = 256

/** A state may be megabytes (thousands of partitions): it counts with its size as JSON. */
export function weigh(entry: LogEntry): number {
  switch (entry.type) {
    case 'records':
      return entryWeight + entry.bytes.byteLength
    case 'rejected':
      return entryWeight + entry.reason.length + (entry.key?.length ?? 0)
    case 'state':
      return entryWeight + JSON.stringify(entry.state).length
    case 'begin':
    case 'stored':
    case 'end':
    case 'close':
      return entryWeight
  }
}
