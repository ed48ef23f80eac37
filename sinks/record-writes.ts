import type { RecordWrites } from './sink.ts'

/** The most samples of a stream. */
const mostSamples = 20

export function noWrites(attempt: number): RecordWrites {
  return {
    ...{ attempt, created: 0, updated: 0, deleted: 0, unchanged: 0, rejected: 0, known: 0 },
    samples: [],
  }
}

export function addWrites(
  before: RecordWrites,
  next: Partial<Omit<RecordWrites, 'attempt'>>,
): RecordWrites {
  const { created = 0, updated = 0, deleted = 0, unchanged = 0, rejected = 0, known = 0 } = next
  return {
    attempt: before.attempt,
    created: before.created + created,
    updated: before.updated + updated,
    deleted: before.deleted + deleted,
    unchanged: before.unchanged + unchanged,
    rejected: before.rejected + rejected,
    known: before.known + known,
    samples: [...before.samples, ...(next.samples ?? [])].slice(0, mostSamples),
  }
}

/** Adds up the writes of commits. A later attempt of a preview starts over. */
export function joinWrites(before: RecordWrites | undefined, next: RecordWrites): RecordWrites {
  if (before === undefined) return next
  const isPreviewAgain = before.attempt < next.attempt && before.samples.length > 0
  return isPreviewAgain ? next : { ...addWrites(before, next), attempt: next.attempt }
}
