import type { PreviewedMessages } from './sink.ts'

/** Of a stream. */
export const mostSamples = 20

/** What commits of a stream would send together. A later attempt begins again. */
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
