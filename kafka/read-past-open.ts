import type { PartitionFetcher } from './partition-fetcher.ts'
import type { KafkaMessage } from './record-batch/message-cursor.ts'
import type { RecordBatch } from './record-batch/record-batch.ts'

/** The type in the key of a marker, after two bytes of version. The other one is 0: aborted. */
const committed = 1

/**
 * The committed messages from the offset `from`, at which the oldest open transaction begins, up to `to`, in
 * their order. Messages of transactions that are still open at `to` are left out. `keep` says which messages
 * matter; the others take no memory. `lost` if the log does not hold a part of it.
 *
 * A transaction that began before `from` has ended, so a marker that comes first is its own.
 */
export async function readPastOpen(
  fetcher: PartitionFetcher,
  range: { readonly from: bigint; readonly to: bigint },
  keep: (message: KafkaMessage) => boolean,
): Promise<readonly KafkaMessage[] | 'lost'> {
  const open = new Map<bigint, KafkaMessage[]>()
  const ended: KafkaMessage[] = []
  let next = range.from
  while (next < range.to) {
    const batches = await fetcher.fetchUncommitted(next)
    if (batches === 'lost') return 'lost'
    for (const batch of batches) {
      const messages = await messagesOf(fetcher, batch, batch.control ? () => true : keep)
      if (batch.control) {
        if (isCommit(messages[0])) ended.push(...(open.get(batch.producerId) ?? []))
        open.delete(batch.producerId)
      } else if (batch.transactional) {
        open.set(batch.producerId, [...(open.get(batch.producerId) ?? []), ...messages])
      } else ended.push(...messages)
      next = batch.lastOffset + 1n
    }
    if (batches.length === 0) break
  }
  return ended.toSorted((a, b) => (a.offset < b.offset ? -1 : 1))
}

async function messagesOf(
  fetcher: PartitionFetcher,
  batch: RecordBatch,
  keep: (message: KafkaMessage) => boolean,
): Promise<KafkaMessage[]> {
  const kept: KafkaMessage[] = []
  for await (const message of fetcher.messages([{ batch, from: batch.baseOffset }]))
    if (keep(message)) kept.push(message)
  return kept
}

function isCommit(marker: KafkaMessage | undefined): boolean {
  return marker?.key?.readInt16BE(2) === committed
}
