import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'

/** A type that is in the destination's schema under a name that an enum could have. */
export interface PresentType {
  readonly schema: string
  readonly name: string
  /** As `format_type` writes it. */
  readonly formatted: string
  /** The labels of an enum, in their order; null for any other type. */
  readonly labels: readonly string[] | null
  /** The role may alter it. */
  readonly isOwned: boolean
}

/**
 * How a type of the destination becomes one that has all labels: by these statements, which may be none.
 * Undefined if it cannot.
 */
export function statementsForLabels(
  present: PresentType,
  labels: readonly string[],
  { mayHaveMore }: { readonly mayHaveMore: boolean },
): readonly string[] | undefined {
  const has = present.labels
  if (has === null) return undefined
  const missing = labels.filter((label) => !has.includes(label))
  const common = labels.filter((label) => has.includes(label))
  const inItsOrder = has.filter((label) => labels.includes(label))
  if (common.some((label, index) => label !== inItsOrder[index])) return undefined
  if (!mayHaveMore && inItsOrder.length < has.length) return undefined
  if (missing.length > 0 && !present.isOwned) return undefined
  const type = `${quoteIdentifier(present.schema)}.${quoteIdentifier(present.name)}`
  return missing.map((label) => {
    const before = labels[labels.indexOf(label) - 1]
    return `ALTER TYPE ${type} ADD VALUE ${quoteLiteral(label)}${placeOf(before, has[0])}`
  })
}

/** The labels of the type once these statements have run. */
export function labelsAfter(
  present: readonly string[],
  labels: readonly string[],
): readonly string[] {
  const all = [...present]
  for (const [index, label] of labels.entries()) {
    const before = labels[index - 1]
    if (!all.includes(label))
      all.splice(before === undefined ? 0 : all.indexOf(before) + 1, 0, label)
  }
  return all
}

/** Labels are added in their order, so the one before is there. */
function placeOf(before: string | undefined, first: string | undefined): string {
  if (before !== undefined) return ` AFTER ${quoteLiteral(before)}`
  return first === undefined ? '' : ` BEFORE ${quoteLiteral(first)}`
}

export function createEnum(schema: string, name: string, labels: readonly string[]): string {
  const list = labels.map(quoteLiteral).join(', ')
  return `CREATE TYPE ${quoteIdentifier(schema)}.${quoteIdentifier(name)} AS ENUM (${list})`
}

const mostNames = 9
const mostBytes = 63

/** The names that an enum may get: its own, and then numbered ones. */
export function enumNames(name: string): readonly string[] {
  return Array.from({ length: mostNames }, (_, index) => {
    if (index === 0) return name
    const suffix = `_${String(index + 1)}`
    const room = mostBytes - suffix.length
    // A name of the source has at most 63 bytes; only whole characters are cut.
    let cut = name
    while (Buffer.byteLength(cut) > room) cut = Array.from(cut).slice(0, -1).join('')
    return `${cut}${suffix}`
  })
}
