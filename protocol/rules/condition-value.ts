import type { ColumnKind } from '../columns.ts'
import type { ConditionColumn, ConditionValue } from './condition.ts'
import { formatDecimal, parseDecimal } from './decimal.ts'
import { isMomentKind, momentOf, momentText, type MomentKind } from './moments.ts'

/** A value as a condition has it. */
export type Literal =
  | { readonly is: 'text' | 'number'; readonly text: string }
  | { readonly is: 'boolean'; readonly value: boolean }

interface Unreadable {
  readonly problem: string
  readonly fix: string
}

/** Values of the other kinds are only NULL or not. */
export function isComparable(kind: ColumnKind): boolean {
  return kind !== 'json' && kind !== 'bytes' && kind !== 'timetz'
}

/** The value in the one form of the column's kind, or why it is none of it. */
export function readValue(
  { name, kind }: ConditionColumn,
  literal: Literal,
): ConditionValue | Unreadable {
  if (kind === 'boolean') {
    if (literal.is === 'boolean') return literal.value
    return unlike(name, 'true or false', `Write \`${name} = true\` or \`${name} = false\`.`)
  }
  if (kind === 'integer' || kind === 'number' || kind === 'double')
    return readNumber(name, kind, literal)
  if (isMomentKind(kind)) return readMoment(name, kind, literal)
  if (literal.is === 'text') return literal.text
  return unlike(name, 'a text', `Put the value into single quotes: '${textOf(literal)}'.`)
}

function readNumber(
  name: string,
  kind: 'integer' | 'number' | 'double',
  literal: Literal,
): ConditionValue | Unreadable {
  const decimal = literal.is === 'number' ? parseDecimal(literal.text) : undefined
  if (decimal === undefined) {
    const text = textOf(literal)
    const fix =
      parseDecimal(text) === undefined
        ? 'Write a number: `1000` or `-2.5`.'
        : `Write it without quotes: \`${text}\`.`
    return unlike(name, 'a number', fix)
  }
  const text = formatDecimal(decimal)
  const double = Number(text)
  const isHeld = Number.isFinite(double) && (double !== 0 || decimal.sign === 0)
  if (kind !== 'double' || isHeld) return text
  return { problem: `no value of ${name} is as large or as small`, fix: 'Write another number.' }
}

const examples: Readonly<Record<MomentKind, string>> = {
  date: "'2026-01-31'",
  time: "'18:30:00'",
  timestamp: "'2026-01-31' or '2026-01-31 18:30:00'",
  timestamptz: "'2026-01-31', '2026-01-31T18:30:00Z' or '2026-01-31T18:30:00+02:00'",
}
const dayAlone = /^\d{4}-\d\d-\d\d$/

function readMoment(name: string, kind: MomentKind, literal: Literal): ConditionValue | Unreadable {
  const text = literal.is === 'text' ? literal.text : ''
  const isDay = kind !== 'date' && kind !== 'time' && dayAlone.test(text)
  const moment = text.includes('infinity')
    ? undefined
    : momentOf(kind, isDay ? `${text}T00:00:00` : text)
  if (moment !== undefined) return momentText(kind, moment)
  const isZoned = kind === 'timestamp' && momentOf('timestamptz', text) !== undefined
  const why = isZoned ? ' without a zone' : ''
  return unlike(name, `a ${wordOf(kind)}${why}`, `Write it like ${examples[kind]}.`)
}

function wordOf(kind: MomentKind): string {
  return kind === 'timestamptz' ? 'timestamp' : kind
}

function unlike(name: string, wanted: string, fix: string): Unreadable {
  return { problem: `${name} is ${wanted}, and this value is not`, fix }
}

function textOf(literal: Literal): string {
  return literal.is === 'boolean' ? String(literal.value) : literal.text
}
