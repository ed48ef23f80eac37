import type { DecideContext, Decision, SideReads } from './decision.ts'
import {
  hashOfValues,
  otherSide,
  valueOf,
  withSide,
  type PendingWrite,
  type SideName,
  type Values,
  type WriteOperation,
} from './link.ts'
import { referencedId } from './references.ts'
import type { SideRead } from './side-change.ts'

export interface PlanInput {
  readonly reads: SideReads
  readonly context: DecideContext
}

/** Adds a write to a decision, unless the vendor has refused the same write before. */
export function addWrite(
  decision: Decision,
  side: SideName,
  write: Omit<PendingWrite, 'id' | 'sentAtMs' | 'expected'>,
  { reads, context }: PlanInput,
): Decision {
  if (decision.link[side].refusal?.hash === hashOfWrite(write))
    return { ...decision, notes: [...decision.notes, 'refused_before'] }
  const read = reads[side]
  const expected = read.found === 'present' ? { version: read.version, values: read.values } : null
  const pending = { ...write, id: context.newId(), expected, sentAtMs: context.nowMs }
  return {
    ...decision,
    link: withSide(decision.link, side, { write: pending }),
    writes: [...decision.writes, { side, write: pending }],
  }
}

export function hashOfWrite({
  operation,
  values,
}: Pick<PendingWrite, 'operation' | 'values'>): string {
  return `${operation} ${hashOfValues(values)} ${Object.keys(values).toSorted().join(',')}`
}

export function planCreate(decision: Decision, side: SideName, input: PlanInput): Decision {
  if (!input.context[side].mayCreate)
    return { ...decision, notes: [...decision.notes, 'creation_not_allowed'] }
  return planWhole(decision, side, 'create', input)
}

/**
 * Writes the whole record of the other side. A value that is null is sent only if it may replace another one,
 * of a record that comes back as it was.
 */
export function planWhole(
  decision: Decision,
  side: SideName,
  operation: Extract<WriteOperation, 'create' | 'restore'>,
  input: PlanInput,
): Decision {
  const { context, reads } = input
  const values = valuesOf(reads[otherSide(side)])
  const before = operation === 'restore' ? (decision.link[side].base ?? {}) : {}
  const names = context.fields
    .map(({ name }) => name)
    .filter((name) => valueOf(values, name) !== null || valueOf(before, name) !== null)
  const { sent, deferred } = splitDeferred(names, values, { side, context })
  const waits = { ...decision, deferred: [...decision.deferred, ...deferred] }
  const required = context.fields.filter(({ isRequired }) => isRequired === true)
  if (required.some(({ name }) => deferred.includes(name))) return waits
  const written = pick(values, sent)
  return addWrite(waits, side, { operation, values: written, source: written }, input)
}

/** Fields that can be written now, and those whose reference leads to a record that is not there yet. */
export function splitDeferred(
  names: readonly string[],
  values: Values,
  { side, context }: { readonly side: SideName; readonly context: DecideContext },
): { readonly sent: readonly string[]; readonly deferred: readonly string[] } {
  const references = new Set(
    context.fields.filter(({ isReference }) => isReference === true).map(({ name }) => name),
  )
  const isReady = (name: string): boolean => {
    const value = valueOf(values, name)
    if (!references.has(name) || value === null) return true
    return referencedId(value, side, context.findLink) !== undefined
  }
  return {
    sent: names.filter(isReady),
    deferred: names.filter((name) => !isReady(name)),
  }
}

export function pick(values: Values, names: readonly string[]): Values {
  return Object.fromEntries(names.map((name) => [name, valueOf(values, name)]))
}

export function valuesOf(read: SideRead): Values {
  return read.found === 'present' ? read.values : {}
}
