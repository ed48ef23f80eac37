import type { PreviewedMessages } from './sink.ts'

/** The most samples of a stream. */
export const mostSamples = 20

/** Adds up the messages that commits of a stream would send. A later attempt starts over. */
export function addPreviews(
  before: PreviewedMessages | undefined,
  next: PreviewedMessages,
): PreviewedMessages {
  if (before === undefined || before.attempt < next.attempt) return next
  const { partitions } = before
  return {
    attempt: next.attempt,
    rows: before.rows + next.rows,
    deletes: before.deletes + next.deletes,
    rejected: before.rejected + next.rejected,
    bytes: before.bytes + next.bytes,
    partitions:
      partitions === null || next.partitions === null
        ? null
        : next.partitions.map((count, index) => count + (partitions[index] ?? 0)),
    samples: [...before.samples, ...next.samples].slice(0, mostSamples),
  }
}
