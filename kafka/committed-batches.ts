import type { AbortedTransaction } from './fetch-request.ts'
import type { RecordBatch } from './record-batch/record-batch.ts'

/**
 * The batches of a fetch, without the markers of transactions and without aborted batches. A marker ends the
 * aborted batches of its producer. The broker lists transactions in the order of their ends.
 */
export function committedBatches(
  batches: readonly RecordBatch[],
  transactions: readonly AbortedTransaction[],
): readonly RecordBatch[] {
  const inOrder = transactions.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  const aborted = new Set<bigint>()
  let begun = 0
  return batches.filter(({ producerId, transactional, control, lastOffset }) => {
    for (
      let next = inOrder[begun];
      next !== undefined && next.firstOffset <= lastOffset;
      next = inOrder[begun]
    ) {
      aborted.add(next.producerId)
      begun += 1
    }
    if (control) aborted.delete(producerId)
    return !control && !(transactional && aborted.has(producerId))
  })
}
