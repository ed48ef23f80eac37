import { reviewHash, withoutReviews, withReview, type Conflict } from './conflict.ts'
import type { DecideContext, Decision } from './decision.ts'
import {
  otherSide,
  sameValue,
  valueOf,
  withSide,
  type Link,
  type SideName,
  type Values,
} from './link.ts'
import { mergeField, type FieldOutcome, type MergedSide } from './merge-fields.ts'
import { addWrite, pick, splitDeferred, type PlanInput } from './plan-write.ts'
import type { PresentRead, SideRead } from './side-change.ts'
import { logReplaced, replacedValues } from './write-log.ts'

/** Both records are there: compares them with their bases, field by field. */
export function decideFields(decision: Decision, input: PlanInput): Decision {
  const { reads, context } = input
  const { link } = decision
  if (!isPresent(reads.a) || !isPresent(reads.b)) return decision
  const sides = { a: mergedSide(link, 'a', reads.a), b: mergedSide(link, 'b', reads.b) }
  const merged = context.fields.map(({ name }) => ({
    name,
    outcome: decided(name, mergeField(name, sides, context), { link, sides, context }),
  }))
  const bases = nextBases(merged, sides)
  const based = agreeOn(link, { bases, reads: { a: reads.a, b: reads.b }, context })
  const both = (['a', 'b'] as const).reduce(
    (planned, side) => planUpdate(planned, side, { merged, input }),
    { ...decision, link: based },
  )
  return withConflicts(both, { merged, sides, context })
}

interface MergedField {
  readonly name: string
  readonly outcome: FieldOutcome
}

function isPresent(read: SideRead): read is PresentRead {
  return read.found === 'present'
}

function mergedSide(link: Link, side: SideName, read: PresentRead): MergedSide {
  return { values: read.values, base: link[side].base, modifiedAtMs: read.modifiedAtMs }
}

interface DecidedInput {
  readonly link: Link
  readonly sides: Readonly<Record<SideName, MergedSide>>
  readonly context: DecideContext
}

/** A person's decision comes before the rule. */
function decided(name: string, outcome: FieldOutcome, input: DecidedInput): FieldOutcome {
  if (outcome.kind !== 'conflict') return outcome
  const winner = decisionFor(name, input)
  return winner === undefined ? outcome : { ...outcome, winner }
}

/** It is for the values that the person saw: if one of them has changed since, the review opens again. */
function decisionFor(name: string, { link, sides, context }: DecidedInput): SideName | undefined {
  const hash = reviewHash(valueOf(sides.a.values, name), valueOf(sides.b.values, name))
  return link.reviews[name]?.hash === hash ? context.decided[name] : undefined
}

/** Fields that need no write are agreed on at once; those that do, when the result of the write is known. */
function nextBases(
  merged: readonly MergedField[],
  { a, b }: { readonly a: MergedSide; readonly b: MergedSide },
): { readonly a: Values; readonly b: Values } {
  const isAlignment = a.base === null || b.base === null
  const bases = { a: { ...a.base }, b: { ...b.base } }
  for (const { name, outcome } of merged) {
    const [valueA, valueB] = [valueOf(a.values, name), valueOf(b.values, name)]
    if (outcome.kind === 'converged') {
      bases.a[name] = valueA
      bases.b[name] = valueB
    } else if (isAlignment) {
      // An earlier base of one side says nothing about the other. The empty side of a `take` is its base.
      const from = outcome.kind === 'take' ? outcome.from : undefined
      bases.a[name] = from === 'b' ? valueA : null
      bases.b[name] = from === 'a' ? valueB : null
    }
  }
  return bases
}

function agreeOn(
  link: Link,
  {
    bases,
    reads,
    context,
  }: {
    readonly bases: Readonly<Record<SideName, Values>>
    readonly reads: Readonly<Record<SideName, PresentRead>>
    readonly context: DecideContext
  },
): Link {
  return (['a', 'b'] as const).reduce<Link>((agreed, side) => {
    const before = agreed[side]
    const { base } = before
    const isBack = before.presence === 'deleted'
    if (!isBack && base !== null && isSameBase(base, bases[side])) return agreed
    const times = { nowMs: context.nowMs, lagMs: context[side].lagMs }
    return withSide(agreed, side, {
      ...{ base: bases[side], presence: 'present', id: reads[side].id },
      version: reads[side].version,
      replaced: logReplaced(before, [isBack ? null : replacedValues(base, bases[side])], times),
    })
  }, link)
}

function isSameBase(left: Values, right: Values): boolean {
  return Object.keys(right).every((name) => sameValue(valueOf(left, name), valueOf(right, name)))
}

function planUpdate(
  decision: Decision,
  side: SideName,
  { merged, input }: { readonly merged: readonly MergedField[]; readonly input: PlanInput },
): Decision {
  const { reads, context } = input
  const source = reads[otherSide(side)]
  if (source.found !== 'present') return decision
  const names = merged.filter(({ outcome }) => writesTo(outcome) === side).map(({ name }) => name)
  const { sent, deferred } = splitDeferred(names, source.values, { side, context })
  const planned = { ...decision, deferred: [...decision.deferred, ...deferred] }
  if (sent.length === 0) return planned
  const values = pick(source.values, sent)
  return addWrite(planned, side, { operation: 'update', values, source: values }, input)
}

/** The side that an outcome writes to. */
function writesTo(outcome: FieldOutcome): SideName | undefined {
  if (outcome.kind === 'take') return otherSide(outcome.from)
  if (outcome.kind === 'conflict' && outcome.winner !== null) return otherSide(outcome.winner)
  return undefined
}

interface ConflictInput {
  readonly merged: readonly MergedField[]
  readonly sides: Readonly<Record<SideName, MergedSide>>
  readonly context: DecideContext
}

/** Records conflicts whose winner is written now, and opens those that a person decides. */
function withConflicts(decision: Decision, { merged, sides, context }: ConflictInput): Decision {
  const conflicts: Conflict[] = []
  const open = new Set<string>()
  let { link } = decision
  for (const { name, outcome } of merged) {
    if (outcome.kind !== 'conflict') continue
    const { a, b } = sides
    const values = { a: valueOf(a.values, name), b: valueOf(b.values, name) }
    const write = writeOfWinner(decision, outcome.winner, name)
    if (outcome.winner === null) {
      open.add(name)
      const hash = reviewHash(values.a, values.b)
      if (link.reviews[name]?.hash === hash) continue
      link = withReview(link, name, hash)
    } else if (write === undefined) continue
    conflicts.push({
      ...{ id: context.newId(), link: link.id, stream: link.stream, field: name },
      ...{ rule: outcome.rule, winner: outcome.winner, ...values },
      isDecided: decisionFor(name, { link: decision.link, sides, context }) !== undefined,
      baseA: valueOf(a.base ?? {}, name),
      baseB: valueOf(b.base ?? {}, name),
      modifiedAtMs: { a: a.modifiedAtMs, b: b.modifiedAtMs },
      write: write?.id ?? null,
      foundAtMs: context.nowMs,
    })
  }
  return { ...decision, link: withoutReviews(link, open), conflicts }
}

/** The write that carries a winner's field to the other side. */
function writeOfWinner(
  { writes }: Decision,
  winner: SideName | null,
  field: string,
): Decision['writes'][number]['write'] | undefined {
  return writes.find(({ side, write }) => winner === otherSide(side) && field in write.values)
    ?.write
}
