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
  return withLoopBreaker(takenSteps[step](step, noted, { reads, context }), link, context)
}

interface StepInput {
  readonly reads: SideReads
  readonly context: DecideContext
}

type TakeStep = (step: LinkStep, link: Link, input: StepInput) => Decision

const rest: TakeStep = (step, link) => nothingToDo(step, link)
const readAgain: TakeStep = (step, link) => ({ ...nothingToDo(step, link), reads: [sideOf(step)] })
const create: TakeStep = (step, link, input) =>
  planCreate(nothingToDo(step, link), sideOf(step), input)
const compare: TakeStep = (step, link, input) => decideFields(nothingToDo(step, link), input)
const carryDeletion: TakeStep = (step, link, input) =>
  decideDeletion(nothingToDo(step, link), input)
const restore: TakeStep = (step, link, input) =>
  decideRestore(nothingToDo(step, link), sideOf(step), input)

const takenSteps: Readonly<Record<LinkStep, TakeStep>> = {
  nothing: rest,
  hold: (step, link) => ({ ...nothingToDo(step, link), notes: ['hidden'] }),
  read_a: readAgain,
  read_b: readAgain,
  create_on_a: create,
  create_on_b: create,
  align: compare,
  merge: compare,
  delete_on_a: carryDeletion,
  delete_on_b: carryDeletion,
  edited_a_deleted_b: carryDeletion,
  deleted_a_edited_b: carryDeletion,
  bury: (step, link, { context }) => nothingToDo(step, bury(link, context)),
  restore_on_a: restore,
  restore_on_b: restore,
}

/** The side that a step is for, by the end of its name. */
function sideOf(step: LinkStep): SideName {
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
