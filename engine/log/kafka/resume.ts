import type { SliceCheckpoint } from '../../../sinks/sink.ts'
import type { LaneResume } from '../stream-log.ts'
import type { LaneHeaders } from './message-schemas.ts'
import type { SavedState } from './saved-states.ts'

/** The facts that are known when a writer opens its lane, after it has fenced older writers. */
export interface ResumeFacts {
  readonly topic: string
  readonly partition: number
  readonly syncId: number
  /** See StreamSync. */
  readonly attemptKeys: readonly string[]
  /** The destination's checkpoints of the lane's slices, and its position. */
  readonly checkpoints: readonly SliceCheckpoint[]
  readonly position: string | undefined
  /** The slices' last states in the log; `lost` if the topic lost what was being read. */
  readonly saved: ReadonlyMap<string, SavedState> | 'lost'
  /** The offsets that the partition holds. `low` only matters if the log may be continued. */
  readonly low: bigint
  readonly high: bigint
  /**
   * The message right before the start (`newestStates`), and the lane's first one from it on. They only
   * matter if the log may be continued.
   */
  readonly before: LaneHeaders | 'foreign' | 'none'
  readonly first: LaneHeaders | 'foreign' | 'none'
}

export interface ResumeDecision {
  readonly resume: LaneResume
  /**
   * The attempt since which the log is continuous up to its end, and where that attempt began; undefined:
   * this one.
   */
  readonly since?: LogStart
  /**
   * States in the log that this decision invalidates; they must be overwritten before anything else is
   * written.
   */
  readonly stale: boolean
}

/** An attempt since which a lane has continued from the log, and the offset at which it began. */
export interface LogStart {
  readonly attempt: number
  readonly from?: string | undefined
}

export interface NewestStates {
  readonly since: LogStart
  /** By slice. */
  readonly states: ReadonlyMap<string, SavedState>
  /**
   * The destination's position. If it is before the attempt `since`, the destination has nothing of that
   * attempt, and the entries between do not count.
   */
  readonly start: bigint
}

/** The facts that are known before the log itself is read. */
type StateFacts = Pick<
  ResumeFacts,
  'saved' | 'syncId' | 'attemptKeys' | 'partition' | 'position' | 'checkpoints'
>

/** The newest states in the log that follow from one start, and that start. */
export function newestStates(facts: StateFacts): NewestStates {
  const { syncId, partition, position } = facts
  const ofSync = openStates(facts).filter(
    (state) =>
      state.syncId === syncId && state.partition === partition && isByKnownAttempt(state, facts),
  )
  const attempt = Math.max(0, ...ofSync.map(({ since }) => since))
  const usable = ofSync.filter(({ since }) => since === attempt)
  const from = usable.find((state) => state.from !== undefined)?.from
  const stands = BigInt(position ?? '0')
  return {
    since: { attempt, from },
    states: new Map(usable.map((state) => [state.slice, state])),
    start: from !== undefined && BigInt(from) > stands ? BigInt(from) : stands,
  }
}

/** The states of slices that are still to be read: the destination knows the outcome of the others. */
function openStates({ saved, checkpoints }: StateFacts): SavedState[] {
  if (saved === 'lost') return []
  return checkpoints.flatMap(({ slice }) => saved.get(slice) ?? [])
}

function isByKnownAttempt(
  { attemptKey }: SavedState,
  { attemptKeys }: Pick<ResumeFacts, 'attemptKeys'>,
): boolean {
  return attemptKey !== undefined && attemptKeys.includes(attemptKey)
}

/**
 * States of this sync, or of a later one, by attempts that the destination does not know. The destination
 * counts syncs and attempts, so the log has a history that is not the destination's.
 */
function unknownStates(facts: StateFacts): SavedState[] {
  return openStates(facts).filter(
    (state) => state.syncId >= facts.syncId && !isByKnownAttempt(state, facts),
  )
}

/** Whether the log has newer states that count, if it leads to them: only then its entries matter. */
export function mayContinueLog(facts: StateFacts): boolean {
  if (facts.saved === 'lost' || unknownStates(facts).length > 0) return false
  const { states } = newestStates(facts)
  return facts.checkpoints.some((checkpoint) => isNewer(states.get(checkpoint.slice), checkpoint))
}

function whyUnknown(unknown: readonly SavedState[]): string {
  return unknown.every(({ attemptKey }) => attemptKey === undefined)
    ? 'an older version of Reactor Connect wrote its newest states'
    : 'attempts that the destination does not know wrote its newest states (the destination is new, was restored from a backup, or was loaded past this log; or an attempt found the log wrong)'
}

/**
 * Decides where a lane's writer continues. The log's newer states only count if the log certainly has
 * everything from the destination's position on, without a gap; if in doubt, the destination's checkpoints
 * count. Nothing is ever skipped.
 */
export function decideResume(facts: ResumeFacts): ResumeDecision {
  const { checkpoints, saved, topic, partition } = facts
  const unknown = unknownStates(facts)
  const place = `Topic ${topic}, partition ${String(partition)}`
  const fromDestination = (warning?: string): ResumeDecision => ({
    resume: {
      from: 'destination',
      slices: checkpoints,
      position: facts.high.toString(),
      ...(warning !== undefined && { warning }),
    },
    // The lane may have entries that cannot be read now: a later attempt would see them.
    stale:
      saved === 'lost' ||
      unknown.length > 0 ||
      [...saved.values()].some((state) => state.syncId === facts.syncId),
  })
  if (saved === 'lost') {
    return fromDestination(
      `The states in the log cannot be read (their topic lost what was being read): reading again from the destination's checkpoints`,
    )
  }
  if (unknown.length > 0) {
    return fromDestination(
      `${place}: ${whyUnknown(unknown)}. Reading again from the destination's checkpoints`,
    )
  }
  if (!mayContinueLog(facts)) return fromDestination()
  const { since, states: usable, start } = newestStates(facts)
  const lost = whyLost(facts, { position: start, since: since.attempt })
  if (lost !== undefined) {
    return fromDestination(`${place}: ${lost}. Reading again from the destination's checkpoints`)
  }
  const slices = checkpoints.map((checkpoint) => {
    const state = usable.get(checkpoint.slice)
    if (state === undefined || !isNewer(state, checkpoint)) return checkpoint
    return { ...checkpoint, seq: state.seq, state: state.state, complete: state.complete }
  })
  const resume = { from: 'log', slices, position: start.toString() } as const
  return { resume, since, stale: false }
}

function isNewer(state: SavedState | undefined, checkpoint: SliceCheckpoint): boolean {
  if (state === undefined || checkpoint.complete) return false
  return state.seq > checkpoint.seq || (state.seq === checkpoint.seq && state.complete)
}

/** Why the log does not lead from the destination's position to its newest states; undefined if it does. */
function whyLost(
  facts: ResumeFacts,
  from: { readonly position: bigint; readonly since: number },
): string | undefined {
  return whyOutOfRange(facts, from.position) ?? whyNotOurs(facts, from)
}

function whyOutOfRange({ low, high }: ResumeFacts, position: bigint): string | undefined {
  const range = `it holds the offsets ${low} to ${high}, but the destination is at ${position}`
  if (position < low) return `${range} (retention has deleted what was not loaded)`
  if (position > high) return `${range} (the topic was deleted and created again)`
  return undefined
}

function whyNotOurs(
  facts: ResumeFacts,
  { position, since }: { readonly position: bigint; readonly since: number },
): string | undefined {
  const { before, first } = facts
  if (first === 'none')
    return `there is nothing at the destination's offset ${position}, although newer states were written`
  if (first === 'foreign' || before === 'foreign')
    return `there is a foreign message at the destination's offset ${position}`
  const isAtPosition = facts.position !== undefined && BigInt(facts.position) === position
  if (isAtPosition && !endsAtCheckpoint(before, facts)) {
    return `the message before offset ${position} is not the one that the destination loaded last (the topic was created again)`
  }
  if (
    (first.sync ?? facts.syncId) !== facts.syncId ||
    first.attempt < since ||
    !goesOnFrom(first, facts)
  ) {
    return `the message at offset ${position} does not continue from the destination's checkpoints`
  }
  return undefined
}

/** The destination commits after a state or a slice's begin, end or close: never after a record. */
function endsAtCheckpoint(before: LaneHeaders | 'none', facts: ResumeFacts): boolean {
  if (
    before === 'none' ||
    before.type === 'RECORD' ||
    before.type === 'STORED' ||
    before.type === 'REJECTED'
  )
    return false
  if (before.sync > facts.syncId) return false
  if (before.type === 'CLOSE' || before.sync < facts.syncId) return true
  const checkpoint = facts.checkpoints.find(({ slice }) => slice === before.slice)
  // The last entry of a slice that is complete is its end.
  return checkpoint === undefined ? before.type === 'END' : checkpoint.seq === before.seq
}

/** An entry of a slice that is not open is not one: the slice was completed after this log. */
function goesOnFrom(first: LaneHeaders, facts: ResumeFacts): boolean {
  if (first.type === 'CLOSE') return true
  const checkpoint = facts.checkpoints.find(({ slice }) => slice === first.slice)
  if (checkpoint === undefined) return false
  const startsAt = first.type === 'STATE' ? first.seq - first.count : first.seq
  return startsAt === checkpoint.seq
}
