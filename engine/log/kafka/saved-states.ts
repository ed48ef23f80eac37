import type { z } from 'zod'
import type { JsonValue, StreamId } from '../../../protocol/index.ts'
import {
  interfaceVersion,
  type PlanValue,
  type streamStateValue,
  type SyncEndValue,
} from './message-schemas.ts'

/** A message of a compacted topic: the last one of a key counts. */
export interface KeyedMessage {
  readonly key: string
  readonly value: string
}

/** A slice's last state in the log, as the topic `connect.states` stores it. */
export interface SavedState {
  readonly slice: string
  readonly partition: number
  readonly syncId: number
  readonly attempt: number
  /** The key of the attempt (`StreamSync.attemptKeys`); unknown for a state that an older version wrote. */
  readonly attemptKey?: string | undefined
  /**
   * The attempt since which the lane has continued from the log: earlier entries in the lane do not lead to
   * this state.
   */
  readonly since: number
  /** The offset at which that attempt began; unknown for a state that an older version wrote. */
  readonly from?: string | undefined
  readonly seq: number
  readonly state: JsonValue
  readonly complete: boolean
}

/** All states are in one partition: a lane's writer reads it when it opens. */
export const statesPartition = 0

/** Whose states they are. */
export interface StateOwner {
  readonly connection: string
  readonly stream: StreamId
}

export function stateMessage(saved: SavedState, owner: StateOwner): KeyedMessage {
  const { slice, ...value } = saved
  return { key: `${keysBeginning(owner)}${JSON.stringify(slice)}]`, value: JSON.stringify(value) }
}

/**
 * The stream's own entry: what its last attempt does, and how its sync ended. Its key has no slice, so
 * readers of states pass over it.
 */
export function streamStateMessage(
  plan: PlanValue,
  end: SyncEndValue | undefined,
  { connection, stream }: StateOwner,
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

/**
 * The common prefix of the keys of all slices of a stream, which are `[connection, namespace, stream,
 * slice]`.
 */
export function keysBeginning({ connection, stream }: StateOwner): string {
  return `${JSON.stringify([connection, stream.namespace ?? null, stream.name]).slice(0, -1)},`
}
