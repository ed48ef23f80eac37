import { ruleOf, type RuleName } from './conflict-rules.ts'
import { reviewHash, withoutReviews, withReview, type Conflict } from './conflict.ts'
import type { Decision } from './decision.ts'
import {
  otherSide,
  sameValue,
  valueOf,
  wholeRecord,
  withSide,
  type Link,
  type SideName,
  type Values,
} from './link.ts'
import { winnerOf } from './merge-fields.ts'
import { addWrite, planWhole, valuesOf, type PlanInput } from './plan-write.ts'
import { goneSide } from './write-log.ts'

/** One side is gone, the other is there: unchanged, or edited since both agreed. */
export function decideDeletion(decision: Decision, input: PlanInput): Decision {
  const gone: SideName = input.reads.a.found === 'present' ? 'b' : 'a'
  const { link } = decision
  switch (input.context.deletes) {
    case 'unlink':
      return { ...decision, link: { ...markGone(link, gone, input), status: 'unlinked' } }
    case 'ignore':
      return { ...decision, link: markGone(link, gone, input) }
    case 'propagate':
    case 'soft':
      return hasEdit(link, gone, input)
        ? decideContest(decision, gone, input)
        : planDeletion(decision, gone, input)
  }
}

function markGone(link: Link, gone: SideName, { context }: PlanInput): Link {
  const times = { nowMs: context.nowMs, lagMs: context[gone].lagMs }
  return withoutReviews(withSide(link, gone, goneSide(link[gone], times)), new Set())
}

/** An edit of a field that both sides share. Without a base, the deletion is older than any agreement. */
function hasEdit(link: Link, gone: SideName, { reads }: PlanInput): boolean {
  const side = otherSide(gone)
  const { base } = link[side]
  const values = valuesOf(reads[side])
  if (base === null) return true
  const names = new Set([...Object.keys(base), ...Object.keys(values)])
  return [...names].some((name) => !sameValue(valueOf(base, name), valueOf(values, name)))
}

function planDeletion(decision: Decision, gone: SideName, input: PlanInput): Decision {
  const operation = input.context.deletes === 'soft' ? 'mark_deleted' : 'delete'
  return addWrite(decision, otherSide(gone), { operation, values: {}, source: {} }, input)
}

/** Deleted here, edited there. `last_write_wins` lets the edit win if the time of the deletion is unknown. */
function decideContest(decision: Decision, gone: SideName, input: PlanInput): Decision {
  const { context, reads } = input
  const edited = otherSide(gone)
  const rule = ruleOf(context.rules, undefined)
  const hash = reviewHash(valuesOf(reads.a), valuesOf(reads.b))
  const isSeen = decision.link.reviews[wholeRecord]?.hash === hash
  // A decision is for the values that the person saw.
  const decided = isSeen ? context.decided[wholeRecord] : undefined
  const winner = decided ?? contestWinner(rule, gone, input)
  const isKnown = winner === null && isSeen
  if (isKnown) return decision
  const planned = planContest(decision, { gone, edited, winner, hash }, input)
  const write = planned.writes[0]?.write.id ?? null
  if (winner !== null && write === null) return planned
  const conflict = { rule, winner, write, isDecided: decided !== undefined }
  return { ...planned, conflicts: [conflictOf(decision.link, conflict, input)] }
}

interface Contest {
  readonly gone: SideName
  readonly edited: SideName
  readonly winner: SideName | null
  readonly hash: string
}

function planContest(
  decision: Decision,
  { gone, edited, winner, hash }: Contest,
  input: PlanInput,
): Decision {
  if (winner === null) return { ...decision, link: withReview(decision.link, wholeRecord, hash) }
  return winner === edited
    ? planWhole(decision, gone, 'restore', input)
    : planDeletion(decision, gone, input)
}

function contestWinner(
  rule: RuleName,
  gone: SideName,
  { reads, context }: PlanInput,
): SideName | null {
  if (rule !== 'last_write_wins') return winnerOf(rule, { a: null, b: null }, 0)
  const edited = otherSide(gone)
  const times = { a: timeOf(reads.a), b: timeOf(reads.b) }
  const [deletedAtMs, editedAtMs] = [times[gone], times[edited]]
  if (deletedAtMs === null || editedAtMs === null) return edited
  return deletedAtMs - editedAtMs > context.skewToleranceMs ? gone : edited
}

function timeOf(read: PlanInput['reads'][SideName]): number | null {
  if (read.found === 'present') return read.modifiedAtMs
  return read.found === 'deleted' ? read.deletedAtMs : null
}

function conflictOf(
  link: Link,
  { rule, winner, write, isDecided }: Pick<Conflict, 'rule' | 'winner' | 'write' | 'isDecided'>,
  { reads, context }: PlanInput,
): Conflict {
  const whole = (side: SideName): Values | null =>
    reads[side].found === 'present' ? valuesOf(reads[side]) : null
  return {
    ...{ id: context.newId(), link: link.id, stream: link.stream, field: wholeRecord },
    ...{ rule, winner, write, isDecided, a: whole('a'), b: whole('b') },
    baseA: link.a.base,
    baseB: link.b.base,
    modifiedAtMs: { a: timeOf(reads.a), b: timeOf(reads.b) },
    foundAtMs: context.nowMs,
  }
}

/** Deleted on both sides, and one of them has the record again: an undelete. */
export function decideRestore(decision: Decision, gone: SideName, input: PlanInput): Decision {
  const back = withSide(decision.link, otherSide(gone), { presence: 'present' })
  switch (input.context.deletes) {
    case 'unlink':
      return { ...decision, link: { ...back, status: 'unlinked' } }
    case 'ignore':
      return { ...decision, link: back }
    case 'propagate':
    case 'soft':
      // The link is unchanged until the result is known: a crash in between finds the same step again.
      return planWhole(decision, gone, 'restore', input)
  }
}
