import type { z } from 'zod'
import type { JsonValue, StreamId } from '../../../protocol/index.ts'
import { PartitionFetcher, type PartitionFetcherOptions } from '../../../kafka/partition-fetcher.ts'
import { readRange } from '../../../kafka/read-range.ts'
import type { KafkaMessage } from '../../../kafka/record-batch/message-cursor.ts'
import {
  interfaceVersion,
  sliceStateKey,
  sliceStateValue,
  type PlanValue,
  type streamStateValue,
  type SyncEndValue,
} from './message-schemas.ts'

/** A message of a compacted topic: the last one of a key counts. */
export interface KeyedMessage {
  readonly key: string
  readonly value: string
}

/** A slice's last state in the log, as the topic `connect.states` keeps it. */
export interface SavedState {
  readonly slice: string
  readonly partition: number
  readonly syncId: number
  readonly attempt: number
  /** Of the attempt (`StreamSync.attemptKeys`); unknown for a state that an older version wrote. */
  readonly attemptKey?: string | undefined
  /** The attempt since which the lane has continued from the log: earlier entries in the lane do not lead to this state. */
  readonly since: number
  /** The offset at which that attempt began; unknown for a state that an older version wrote. */
  readonly from?: string | undefined
  readonly seq: number
  readonly state: JsonValue
  readonly complete: boolean
}

/** All states are in one partition: a lane's writer reads it once, when it opens. */
export const statesPartition = 0

/** An unfinished transaction of another lane hides what follows it; that lane's next writer ends it. Waited for this long. */
const hiddenMs = 10_000

interface Owner {
  readonly connection: string
  readonly stream: StreamId
}

export function stateMessage(saved: SavedState, owner: Owner): KeyedMessage {
  const { slice, ...value } = saved
  return { key: `${keysBeginning(owner)}${JSON.stringify(slice)}]`, value: JSON.stringify(value) }
}

/** The stream's own entry: what its last attempt does, and how its sync ended. Its key has no slice, so readers of states pass over it. */
export function streamStateMessage(
  plan: PlanValue,
  end: SyncEndValue | undefined,
  { connection, stream }: Owner,
): KeyedMessage {
  const value: z.input<typeof streamStateValue> = {
    v: interfaceVersion,
    plan,
    ...(end !== undefined && { end }),
  }
  return {
    key: JSON.stringify([connection, stream.namespace ?? null, stream.name]),
    value: JSON.stringify(value),
  }
}

/** Of the keys of all slices of a stream, which are `[connection, namespace, stream, slice]`. */
function keysBeginning({ connection, stream }: Owner): string {
  return `${JSON.stringify([connection, stream.namespace ?? null, stream.name]).slice(0, -1)},`
}

/**
 * The last states of a lane, by slice. `hidden` if a transaction that does not end keeps a part of the topic from being read: then nothing
 * is known.
 */
export async function readSavedStates(
  options: Omit<PartitionFetcherOptions, 'partition'>,
  owner: Owner,
): Promise<ReadonlyMap<string, SavedState> | 'hidden'> {
  await using fetcher = await PartitionFetcher.open({ ...options, partition: statesPartition })
  const { low, high } = await fetcher.bounds()
  const states = new Map<string, SavedState>()
  const ownKeys = Buffer.from(keysBeginning(owner))
  const { outcome } = await readRange(fetcher, {
    from: low,
    to: high,
    hiddenMs,
    take: async (batches) => {
      for await (const message of fetcher.messages(batches)) take(message, states, ownKeys)
    },
  })
  return outcome === 'read' ? states : 'hidden'
}

/** Most messages are of other streams, so a key is compared before it is parsed. */
function take(message: KafkaMessage, states: Map<string, SavedState>, ownKeys: Buffer): void {
  if (message.key?.subarray(0, ownKeys.length).equals(ownKeys) !== true) return
  const key = parse(sliceStateKey, message.key)
  if (key === undefined) return
  const [, , , slice] = key
  const value = parse(sliceStateValue, message.value)
  // A tombstone, or a message of another version: treated as if the log had no state of the slice, so the destination decides.
  if (value === undefined) states.delete(slice)
  else states.set(slice, { slice, ...value })
}

function parse<T>(schema: z.ZodType<T>, bytes: Buffer | null): T | undefined {
  if (bytes === null) return undefined
  try {
    return schema.safeParse(JSON.parse(bytes.toString('utf8'))).data
  } catch {
    return undefined // not JSON: not ours
  }
}
