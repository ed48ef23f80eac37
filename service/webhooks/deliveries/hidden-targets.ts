import type { TargetAddresses } from '../receivers/target-addresses.ts'
import type { DeliveryFilter, DeliveryStore, NewDelivery, StoredDeliveryLog } from './contract.ts'

type Addresses = Pick<TargetAddresses, 'stored' | 'allStored'>

/**
 * A delivery as it is stored: a process of an older version may have read its targets, or written them to
 * Kafka, in plain text.
 */
export async function withHiddenTargets(
  delivery: NewDelivery,
  addresses: Addresses,
): Promise<NewDelivery> {
  const dispatches = await addresses.allStored(delivery.dispatches)
  return dispatches === delivery.dispatches ? delivery : { ...delivery, dispatches }
}

/** The log, with targets as they are stored. */
export function hidingLog(stored: StoredDeliveryLog, addresses: Addresses): StoredDeliveryLog {
  return {
    append: async (delivery) => stored.append(await withHiddenTargets(delivery, addresses)),
    appendAll: async (batch) =>
      stored.appendAll(
        await Promise.all(batch.map((delivery) => withHiddenTargets(delivery, addresses))),
      ),
    late: (afterMs) => stored.late(afterMs),
    storedHashes: (batch) => stored.storedHashes(batch),
  }
}

/** The store for callers that name whole targets. */
export function findingHidden(store: DeliveryStore, addresses: Addresses): DeliveryStore {
  const wanted = async <Filter extends DeliveryFilter>(filter: Filter): Promise<Filter> =>
    filter.target === undefined
      ? filter
      : { ...filter, target: await addresses.stored(filter.target) }
  return {
    list: async (request) => store.list(await wanted(request)),
    get: (receiver, id) => store.get(receiver, id),
    replay: async (selected) => store.replay(await wanted(selected)),
    discard: async (selected) => store.discard(await wanted(selected)),
  }
}
