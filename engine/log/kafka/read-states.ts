import type { z } from 'zod'
import type { BatchMark, FetchedBatch, PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import { readPastOpen } from '../../../kafka/read-past-open.ts'
import { readRange, type RangeEnd } from '../../../kafka/read-range.ts'
import type { KafkaMessage } from '../../../kafka/record-batch/message-cursor.ts'
import { sliceStateKey, sliceStateValue } from './message-schemas.ts'
import { keysBeginning, type SavedState, type StateOwner } from './saved-states.ts'

/**
 * The last states of a stream's slices: all that was committed before it is called, by any writer. A
 * transaction that another lane has left open is not waited for: what others have committed behind it counts.
 * The caller has ended those of its own lane. `lost` if the topic loses what is being read: then nothing is
 * known. `fetcher` reads the topic of the states.
 */
export async function readSavedStates(
  fetcher: PartitionFetcher,
  owner: StateOwner & { readonly statesTopic: string; readonly brokers: readonly string[] },
  seen: SeenStates,
): Promise<ReadonlyMap<string, SavedState> | 'lost'> {
  const place = JSON.stringify([owner.brokers, owner.statesTopic, owner.connection])
  const before = seen.take(place)
  const later = before && (await readOn(fetcher, before))
  const [states, { outcome, next, to }] = later ?? (await readAll(fetcher, owner.connection))
  seen.put(place, states)
  if (outcome === 'lost') return 'lost'
  if (outcome === 'read') return statesOf(states, [], owner)
  // Read anew by each lane: what is still open may be committed later, and comes before what follows it.
  const behind = await readPastOpen(fetcher, { from: next, to }, (message) => states.has(message))
  return behind === 'lost' ? 'lost' : statesOf(states, behind, owner)
}

type Read = readonly [ConnectionStates, RangeEnd & { readonly to: bigint }]

async function readAll(fetcher: PartitionFetcher, connection: string): Promise<Read> {
  const states = new ConnectionStates(connection)
  const { low, high } = await fetcher.bounds()
  return [states, await readInto(states, fetcher, { from: low, to: high })]
}

/**
 * Reads on after the batch that was read last. Undefined if the log no longer has that batch in that place:
 * the topic was made again, or lost its end, or was compacted.
 */
async function readOn(
  fetcher: PartitionFetcher,
  states: ConnectionStates,
): Promise<Read | undefined> {
  const { last } = states
  if (last === undefined) return undefined
  const fetched = await fetcher.fetch(last.offset)
  if (fetched === 'lost') return undefined
  const { first, next, high } = fetched
  if (first?.offset !== last.offset || first.checksum !== last.checksum) return undefined
  await states.take(fetcher, fetched.batches, fetched.last)
  return [states, await readInto(states, fetcher, { from: next, to: high })]
}

async function readInto(
  states: ConnectionStates,
  fetcher: PartitionFetcher,
  range: { readonly from: bigint; readonly to: bigint },
): Promise<Read[1]> {
  const end = await readRange(fetcher, {
    ...range,
    hiddenMs: 0,
    take: (batches, last) => states.take(fetcher, batches, last),
  })
  return { ...end, to: range.to }
}

/** Those of a stream, with later messages that `states` does not have. */
function statesOf(
  states: ConnectionStates,
  later: readonly KafkaMessage[],
  owner: StateOwner,
): ReadonlyMap<string, SavedState> {
  const beginning = keysBeginning(owner)
  const byKey = new Map(states.ofStream(beginning))
  for (const { key, value } of later) {
    const place = placeOf(key)
    if (place?.beginning === beginning) setState(byKey, place.slice, value)
  }
  return new Map(
    [...byKey].flatMap(([slice, bytes]) => {
      const value = parse(sliceStateValue, bytes)
      // Another version wrote it: treated as if the log had no state of the slice, so the destination
      // decides.
      return value === undefined ? [] : [[slice, { slice, ...value }] as const]
    }),
  )
}

/** The last states of all streams of a connection, as the topic has them up to a batch. */
class ConnectionStates {
  /** The last batch that was read. */
  last: BatchMark | undefined
  /** Its approximate size in memory. */
  bytes = 0
  readonly #ownKeys: Buffer
  /** By the beginning of their keys, and slice. */
  readonly #streams = new Map<string, Map<string, Buffer>>()

  constructor(connection: string) {
    this.#ownKeys = Buffer.from(`[${JSON.stringify(connection)},`)
  }

  ofStream(keys: string): ReadonlyMap<string, Buffer> {
    return this.#streams.get(keys) ?? new Map()
  }

  async take(
    fetcher: PartitionFetcher,
    batches: readonly FetchedBatch[],
    last: BatchMark | undefined,
  ): Promise<void> {
    for await (const message of fetcher.messages(batches)) this.#take(message)
    this.last = last ?? this.last
  }

  /** Whether it is of this connection. Most are of others, so a key is compared before it is parsed. */
  has({ key }: KafkaMessage): boolean {
    return key?.subarray(0, this.#ownKeys.length).equals(this.#ownKeys) === true
  }

  #take(message: KafkaMessage): void {
    const place = this.has(message) ? placeOf(message.key) : undefined
    if (place === undefined) return
    const { beginning, slice } = place
    const ofStream = this.#streams.get(beginning) ?? new Map<string, Buffer>()
    this.#streams.set(beginning, ofStream)
    this.bytes -= sizeOf(slice, ofStream.get(slice))
    setState(ofStream, slice, message.value)
    this.bytes += sizeOf(slice, ofStream.get(slice))
  }
}

function placeOf(
  keyBytes: Buffer | null,
): { readonly beginning: string; readonly slice: string } | undefined {
  const key = keyBytes === null ? undefined : parse(sliceStateKey, keyBytes)
  if (key === undefined) return undefined
  const [connection, namespace, name, slice] = key
  const stream = { name, ...(namespace !== null && { namespace }) }
  return { beginning: keysBeginning({ connection, stream }), slice }
}

function setState(states: Map<string, Buffer>, slice: string, value: Buffer | null): void {
  // A tombstone: the log has no state of the slice.
  if (value === null) states.delete(slice)
  // A copy: the message is a view into a batch.
  else states.set(slice, Buffer.from(value))
}

/** The bytes of a state beside its key and value. */
const besideStateBytes = 200

function sizeOf(slice: string, value: Buffer | undefined): number {
  return value === undefined ? 0 : besideStateBytes + slice.length + value.length
}

/** The limit of the states that a thread remembers, in bytes. A hundred streams have about 50 KB. */
const mostSeenBytes = 4 * 1024 * 1024

/**
 * The states that a thread has read, so that each lane reads on from there. Without this, a run of many
 * streams would read the topic from the beginning as often as it has streams. An entry that takes too many
 * bytes is forgotten, and read again from the beginning.
 */
export class SeenStates {
  /** The one that was used last is at the end. */
  readonly #places = new Map<string, ConnectionStates>()

  /** They belong to the caller, which may give them back. */
  take(place: string): ConnectionStates | undefined {
    const states = this.#places.get(place)
    this.#places.delete(place)
    return states
  }

  put(place: string, states: ConnectionStates): void {
    this.#places.delete(place)
    this.#places.set(place, states)
    let bytes = [...this.#places.values()].reduce((sum, some) => sum + some.bytes, 0)
    for (const [oldest, some] of this.#places) {
      if (bytes <= mostSeenBytes) return
      this.#places.delete(oldest)
      bytes -= some.bytes
    }
  }
}

function parse<T>(schema: z.ZodType<T>, bytes: Buffer): T | undefined {
  try {
    return schema.safeParse(JSON.parse(bytes.toString('utf8'))).data
  } catch {
    return undefined // not JSON: not ours
  }
}
