import type { JsonValue } from '../../protocol/index.ts'
import { sameValue } from './link.ts'

/**
 * The shared value of a field that one side writes otherwise.
 *
 * - `same`: only its name differs.
 * - `values`: pairs of the side's own value and the shared one. Others are the same on both, if `passes`;
 *   otherwise a record with another one cannot be carried.
 * - `constant`: the field of the side always has this value, and the other side has no such field.
 */
export type FieldLens =
  | { readonly kind: 'same' }
  | {
      readonly kind: 'values'
      readonly pairs: readonly (readonly [own: string, shared: string])[]
      readonly passes: boolean
    }
  | { readonly kind: 'constant'; readonly value: JsonValue }

export interface MappedField {
  /** The shared name. */
  readonly name: string
  /** The name that the side has. */
  readonly own: string
  readonly lens: FieldLens
}

/** The shared value of a side's own. Undefined: there is none. */
export function getShared(lens: FieldLens, own: JsonValue): JsonValue | undefined {
  if (lens.kind !== 'values') return own
  if (own === null) return null
  const pair = lens.pairs.find(([left]) => left === own)
  if (pair !== undefined) return pair[1]
  return lens.passes ? own : undefined
}

/**
 * The side's own value for a shared one. Where several own values stand for it, the one that the record has
 * stays.
 * @returns undefined: there is none
 */
export function putOwn(
  lens: FieldLens,
  shared: JsonValue,
  before: JsonValue,
): JsonValue | undefined {
  switch (lens.kind) {
    case 'same':
      return shared
    case 'constant':
      return lens.value
    case 'values': {
      if (shared === null) return null
      const current = before === null ? undefined : getShared(lens, before)
      if (current !== undefined && sameValue(current, shared)) return before
      const pair = lens.pairs.find(([, right]) => right === shared)
      if (pair !== undefined) return pair[0]
      return lens.passes ? shared : undefined
    }
  }
}

/**
 * The first field of a side that cannot be written in both directions. It is found by trying each value that
 * the mapping names. A value that is read and written back is as it was (GetPut), and a value that is written
 * is read as itself (PutGet): otherwise the sides would change one another for ever.
 * @param scope values that all records of the side have: those outside are not part of the stream
 */
export function mappingProblem(
  fields: readonly MappedField[],
  scope: Readonly<Record<string, JsonValue>> = {},
): MappingProblem | undefined {
  const owners = new Map<string, string>()
  for (const { name, own, lens } of fields) {
    const other = owners.get(own)
    if (other !== undefined)
      return {
        field: name,
        problem: `it is written into ${own}, as ${other} is: an edit of one would change the other`,
        fix: 'Map each of them to a field of its own.',
      }
    owners.set(own, name)
    const problem = lens.kind === 'constant' ? constantProblem(own, lens, scope) : lawProblem(lens)
    if (problem !== undefined) return { field: name, ...problem }
  }
  return undefined
}

export interface MappingProblem extends LensProblem {
  /** Its shared name. */
  readonly field: string
}

interface LensProblem {
  readonly problem: string
  readonly fix: string
}

/** A record with another value would be rewritten without an edit of anybody. */
function constantProblem(
  own: string,
  { value }: Extract<FieldLens, { readonly kind: 'constant' }>,
  scope: Readonly<Record<string, JsonValue>>,
): LensProblem | undefined {
  const scoped = Object.hasOwn(scope, own) ? scope[own] : undefined
  if (scoped !== undefined && sameValue(scoped, value)) return undefined
  return {
    problem: `${own} is always ${JSON.stringify(value)}, but records with other values are part of the stream, and would be changed`,
    fix: `Leave out records whose ${own} has another value, or leave ${own} out of the fields.`,
  }
}

type ValuesLens = Extract<FieldLens, { readonly kind: 'values' }>

function lawProblem(lens: FieldLens): LensProblem | undefined {
  if (lens.kind !== 'values') return undefined
  const twice = lens.pairs.find(([own, shared]) =>
    lens.pairs.some(([left, right]) => left === own && right !== shared),
  )
  if (twice !== undefined)
    return {
      problem: `\`${twice[0]}\` stands for two values`,
      fix: 'Leave all but one of its pairs out.',
    }
  const values = [...new Set(lens.pairs.flat())]
  return (
    first(values, (shared) => putGetProblem(lens, shared)) ??
    first(values, (own) => getPutProblem(lens, own))
  )
}

function first(
  values: readonly string[],
  problemOf: (value: string) => LensProblem | undefined,
): LensProblem | undefined {
  for (const value of values) {
    const problem = problemOf(value)
    if (problem !== undefined) return problem
  }
  return undefined
}

function putGetProblem(lens: ValuesLens, shared: string): LensProblem | undefined {
  const own = putOwn(lens, shared, null)
  if (own === undefined) return undefined
  const again = getShared(lens, own)
  if (again !== undefined && sameValue(again, shared)) return undefined
  return {
    problem: `\`${shared}\` is written as ${JSON.stringify(own)}, and read again as ${JSON.stringify(again ?? null)}`,
    fix: `Add a pair whose shared value is \`${shared}\`, or let other values not pass.`,
  }
}

function getPutProblem(lens: ValuesLens, own: string): LensProblem | undefined {
  const shared = getShared(lens, own)
  if (shared === undefined) return undefined
  const again = putOwn(lens, shared, own)
  if (again === own) return undefined
  return {
    problem: `\`${own}\` is read as ${JSON.stringify(shared)}, and written back as ${JSON.stringify(again ?? null)}`,
    fix: `Add a pair whose own value is \`${own}\`.`,
  }
}
