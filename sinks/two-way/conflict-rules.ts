import { nameList, nameSuggestion, nearestName } from '../../lib/text/near-names.ts'
import { ConnectError } from '../../protocol/index.ts'

/**
 * The side that wins if both changed the same field since they last agreed:
 *
 * - `last_write_wins`: the one that was modified last;
 * - `source_of_truth_a`, `source_of_truth_b`: always this one;
 * - `review`: none; nothing is written until a person decides.
 */
export const ruleNames = [
  'last_write_wins',
  'source_of_truth_a',
  'source_of_truth_b',
  'review',
] as const
export type RuleName = (typeof ruleNames)[number]

/** The rules of one stream. */
export interface StreamRules {
  readonly rule: RuleName
  /** Fields with a rule of their own. */
  readonly fields: Readonly<Record<string, RuleName>>
}

/** By stream. A stream without a rule is not linked. */
export type ConflictRules = ReadonlyMap<string, StreamRules>

/**
 * Parses `Lead:last_write_wins,Account:source_of_truth_a,Lead.Email:source_of_truth_b`. Throws
 * `conflict_rules_invalid` that names the rule.
 * @param streams the streams that both connections have, if they are known; a name of a stream may have dots
 */
export function parseConflictRules(text: string, streams?: readonly string[]): ConflictRules {
  const parsed = text.split(',').map((part, index) => parseRule(part.trim(), index + 1, streams))
  const rules = new Map<string, StreamRules>()
  for (const { stream, field, rule, place } of parsed) {
    if (field !== undefined) continue
    if (rules.has(stream)) throw refuse(place, `${stream} has two rules`, 'Leave one of them out.')
    rules.set(stream, { rule, fields: {} })
  }
  for (const { stream, field, rule, place } of parsed) {
    if (field === undefined) continue
    const ofStream = rules.get(stream)
    if (ofStream === undefined)
      throw refuse(place, `${stream} has no rule of its own`, `Add one: \`${stream}:review\`.`)
    if (Object.hasOwn(ofStream.fields, field))
      throw refuse(place, `${stream}.${field} has two rules`, 'Leave one of them out.')
    rules.set(stream, { ...ofStream, fields: { ...ofStream.fields, [field]: rule } })
  }
  return rules
}

/** The text that `parseConflictRules` reads: streams first, each followed by its fields. */
export function formatConflictRules(rules: ConflictRules): string {
  return [...rules]
    .flatMap(([stream, { rule, fields }]) => [
      `${stream}:${rule}`,
      ...Object.entries(fields).map(([field, ofField]) => `${stream}.${field}:${ofField}`),
    ])
    .join(',')
}

/** The rule of a field; `undefined` as field: that of the record. */
export function ruleOf(rules: StreamRules, field: string | undefined): RuleName {
  return (field === undefined ? undefined : rules.fields[field]) ?? rules.rule
}

interface ParsedRule {
  readonly stream: string
  readonly field: string | undefined
  readonly rule: RuleName
  /** `rule 2, \`Lead:lww\``, for errors. */
  readonly place: string
}

function parseRule(
  text: string,
  number: number,
  streams: readonly string[] | undefined,
): ParsedRule {
  const place = `rule ${String(number)}, \`${text}\``
  if (text === '')
    throw refuse(`rule ${String(number)}`, 'it is empty', `Write rules like ${example}.`)
  const colon = text.lastIndexOf(':')
  const subject = text.slice(0, Math.max(colon, 0)).trim()
  const name = text.slice(colon + 1).trim()
  if (colon < 0) throw refuse(place, 'it has no colon', `Write a rule as ${example}.`)
  if (subject === '')
    throw refuse(place, 'it names no stream before the colon', `Write a rule as ${example}.`)
  if (!isRuleName(name))
    throw refuse(
      place,
      name === '' ? 'it names no rule after the colon' : `there is no rule \`${name}\``,
      `${nameSuggestion(nearestName(name, ruleNames))}The rules are ${nameList(ruleNames)}.`,
    )
  return { ...splitSubject(subject, place, streams), rule: name, place }
}

const example = '`Lead:last_write_wins` or `Lead.Email:source_of_truth_b`'

function isRuleName(name: string): name is RuleName {
  return ruleNames.some((known) => known === name)
}

function splitSubject(
  subject: string,
  place: string,
  streams: readonly string[] | undefined,
): Pick<ParsedRule, 'stream' | 'field'> {
  if (streams?.includes(subject) === true) return { stream: subject, field: undefined }
  const dots = [...subject.matchAll(/\./g)].map(({ index }) => index)
  const splits = dots
    .map((dot) => ({ stream: subject.slice(0, dot), field: subject.slice(dot + 1) }))
    .filter(({ stream, field }) => stream !== '' && field !== '')
  const known = streams === undefined ? splits[0] : splits.findLast(isOfStream(streams))
  if (known !== undefined) return known
  if (streams === undefined && dots.length === 0) return { stream: subject, field: undefined }
  if (streams === undefined)
    throw refuse(place, 'it names no stream or no field', `Write a rule as ${example}.`)
  throw refuse(
    place,
    `no stream of both connections is named \`${subject}\``,
    `${nameSuggestion(nearestName(subject, streams))}Both connections have ${nameList(streams)}.`,
  )
}

function isOfStream(streams: readonly string[]): (split: { readonly stream: string }) => boolean {
  return ({ stream }) => streams.includes(stream)
}

function refuse(place: string, problem: string, fix: string): ConnectError {
  return new ConnectError('conflict_rules_invalid', {
    details: { problem: `${place}: ${problem}`, fix },
  })
}
