import { withoutReviews } from './conflict.ts'
import { decideDeletion, decideRestore } from './decide-deletion.ts'
import { decideFields } from './decide-fields.ts'
import { nothingToDo, type DecideContext, type Decision, type SideReads } from './decision.ts'
import { linkStep, type LinkStep } from './link-table.ts'
import { withSide, type Link, type SideName } from './link.ts'
import { planCreate } from './plan-write.ts'
import { sideChange, type SideChange } from './side-change.ts'
import { goneSide } from './write-log.ts'

/**
 * Decides what happens to one linked record. Pure: the same link and reads have the same decision. No write
 * is planned while another one of this link has no result.
 */
export function decideLink(link: Link, reads: SideReads, context: DecideContext): Decision {
  if (link.status !== 'linked') return nothingToDo('nothing', link)
  if (link.a.write !== null || link.b.write !== null)
    return { ...nothingToDo('nothing', link), notes: ['waits_for_result'] }
  const change = {
    a: sideChange(link.a, reads.a, { nowMs: context.nowMs, order: context.a }),
    b: sideChange(link.b, reads.b, { nowMs: context.nowMs, order: context.b }),
  }
  const step = linkStep(change.a, change.b)
  const noted = noteRead(noteRead(link, 'a', { change, reads }), 'b', { change, reads })
  return withLoopBreaker(takeStep(step, noted, { reads, context }), link, context)
}

interface StepInput {
  readonly reads: SideReads
  readonly context: DecideContext
}

function takeStep(step: LinkStep, link: Link, input: StepInput): Decision {
  switch (step) {
    case 'nothing':
      return nothingToDo(step, link)
    case 'hold':
      return { ...nothingToDo(step, link), notes: ['hidden'] }
    case 'read_a':
    case 'read_b':
      return { ...nothingToDo(step, link), reads: [sideOf(step)] }
    case 'create_on_a':
    case 'create_on_b':
      return planCreate(nothingToDo(step, link), sideOf(step), input)
    case 'align':
    case 'merge':
      return decideFields(nothingToDo(step, link), input)
    case 'delete_on_a':
    case 'delete_on_b':
    case 'edited_a_deleted_b':
    case 'deleted_a_edited_b':
      return decideDeletion(nothingToDo(step, link), input)
    case 'bury':
      return nothingToDo(step, bury(link, input.context))
    case 'restore_on_a':
    case 'restore_on_b':
      return decideRestore(nothingToDo(step, link), sideOf(step), input)
  }
}

function sideOf(step: `${string}_${SideName}`): SideName {
  return step.endsWith('_a') ? 'a' : 'b'
}

/** Ids are known as soon as a record is, and a record that only was touched has a new version. */
function noteRead(
  link: Link,
  side: SideName,
  {
    change,
    reads,
  }: { readonly change: Readonly<Record<SideName, SideChange>>; readonly reads: SideReads },
): Link {
  const read = reads[side]
  if (read.found !== 'present' || change[side] === 'unread') return link
  const version = change[side] === 'same' ? read.version : link[side].version
  if (link[side].id === read.id && link[side].version === version) return link
  return withSide(link, side, { id: read.id, version })
}

function bury(link: Link, context: DecideContext): Link {
  const { nowMs } = context
  const buried = (['a', 'b'] as const).reduce(
    (left, side) =>
      withSide(left, side, goneSide(left[side], { nowMs, lagMs: context[side].lagMs })),
    link,
  )
  return withoutReviews(buried, new Set())
}

function withLoopBreaker(decision: Decision, before: Link, context: DecideContext): Decision {
  if (decision.writes.length === 0) return decision
  const { writes, windowMs } = context.loopLimit
  const lately = before.writeTimes.filter((timeMs) => timeMs > context.nowMs - windowMs)
  if (lately.length >= writes) {
    const link: Link = { ...before, status: 'quarantined', writeTimes: lately }
    return { ...nothingToDo(decision.step, link), notes: ['quarantined'] }
  }
  const times = [...lately, ...decision.writes.map(() => context.nowMs)]
  return { ...decision, link: { ...decision.link, writeTimes: times } }
}
