import { isFalse } from '../../interpolation/false-values.ts'
import { parsedTemplate } from '../../jinja/parsed-template.ts'
import { isInt, numeric } from '../../value/number.ts'
import { str } from '../../value/text.ts'
import type { Body, CompareNode, CompareOperator, Expression, IfNode } from '../../jinja/nodes.ts'

/**
 * Whether a smaller page size can make a stop condition of CursorPagination hold too early. A condition may
 * take a page with fewer records than a fixed number for the last one. It then ends the paging at the first
 * full page of a reduced size, and the rest of the partition is lost without an error. The question is: can
 * the condition hold for a page that is full at the requested size? The verdict is `truncates` only if it
 * surely can, and `unknown` if the condition cannot be understood.
 */
export interface StopConditionSafety {
  readonly verdict: 'safe' | 'truncates' | 'unknown'
  /** The reason for a verdict that is not `safe`: the end of a sentence that begins with the condition. */
  readonly reason: string
}

export function classifyStopCondition(
  condition: string,
  minimumPageSize: number,
): StopConditionSafety {
  const template = parsedTemplate(condition)
  if (template === undefined) return unknown('it is not a valid template')
  const found = comparisons(template)
  if (!names(template, 'last_page_size')) return classifyOthers(found)
  const own = found.filter(
    ({ left, right }) => names(left, 'last_page_size') || names(right, 'last_page_size'),
  )
  const verdicts = own.map((comparison) => classify(comparison, minimumPageSize))
  const worst =
    verdicts.find(({ verdict }) => verdict === 'truncates') ??
    verdicts.find(({ verdict }) => verdict === 'unknown')
  if (worst !== undefined) return worst
  return own.length > 0 ? safe : unknown('it uses last_page_size outside of a comparison')
}

/** True if a template reads a variable of this name (not a member of something else). */
export function namesVariable(template: string, name: string): boolean {
  const body = parsedTemplate(template)
  return body !== undefined && names(body, name)
}

const safe: StopConditionSafety = { verdict: 'safe', reason: '' }

function unknown(reason: string): StopConditionSafety {
  return { verdict: 'unknown', reason }
}

interface Comparison {
  readonly left: Expression
  readonly operator: CompareOperator
  readonly right: Expression
  /** The condition holds if the comparison does: there is no `not`, no filter, nothing else around it. */
  readonly decides: boolean
}

/**
 * Without last_page_size a count may still come from the body: any value with an upper bound may be a count.
 */
function classifyOthers(found: readonly Comparison[]): StopConditionSafety {
  return found.some(boundsFromAbove)
    ? unknown('it stops when a value stays below a threshold, which may be a count of records')
    : safe
}

function boundsFromAbove({ left, operator, right, decides }: Comparison): boolean {
  if (!isOrder(operator)) return false
  if (!decides) return true
  const bounded = operator === '<' || operator === '<=' ? left : right
  return bounded.type !== 'const'
}

function isOrder(operator: CompareOperator): boolean {
  return operator === '<' || operator === '<=' || operator === '>' || operator === '>='
}

const mirrored: Partial<Record<CompareOperator, CompareOperator>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

/** last_page_size, or an expression of it, on the left. */
interface Operands {
  readonly size: Expression
  readonly other: Expression
  readonly minimumPageSize: number
}

const rules: Record<CompareOperator, (operands: Operands) => StopConditionSafety> = {
  '==': classifyEquality,
  '!=': classifyEquality,
  '>': classifyLowerBound,
  '>=': classifyLowerBound,
  '<': (operands) => classifyUpperBound(operands, 0),
  '<=': (operands) => classifyUpperBound(operands, 1),
  in: () => unknown('it looks for last_page_size in something'),
  'not in': () => unknown('it looks for last_page_size in something'),
}

function classify(
  { left, operator, right, decides }: Comparison,
  minimumPageSize: number,
): StopConditionSafety {
  if (!decides)
    return unknown('it uses last_page_size in a comparison that does not decide the condition')
  const onLeft = names(left, 'last_page_size')
  if (!onLeft)
    return rules[mirrored[operator] ?? operator]({ size: right, other: left, minimumPageSize })
  if (names(right, 'last_page_size')) return unknown('it compares last_page_size with itself')
  return rules[operator]({ size: left, other: right, minimumPageSize })
}

/** A full page is never empty. */
function classifyEquality({ size, other }: Operands): StopConditionSafety {
  const isEmptiness = size.type === 'name' && other.type === 'const' && numeric(other.value) === 0
  return isEmptiness ? safe : unknown('it compares last_page_size with something else than 0')
}

/** A smaller page makes it less true. */
function classifyLowerBound({ size }: Operands): StopConditionSafety {
  return size.type === 'name' ? safe : unknown('it changes last_page_size before it compares it')
}

function classifyUpperBound(
  { size, other, minimumPageSize }: Operands,
  includes: 0 | 1,
): StopConditionSafety {
  if (size.type === 'binary')
    return unknown('it calculates with last_page_size before it compares it')
  if (isPageSize(other)) return safe
  if (names(other, 'page_size'))
    return unknown('it compares last_page_size with a value calculated from page_size')
  // No smaller page can be requested: the same as a test for an empty page.
  const isEmptiness =
    other.type === 'const' &&
    isInt(other.value) &&
    Number(other.value) + includes <= minimumPageSize
  if (isEmptiness) return safe
  return {
    verdict: 'truncates',
    reason:
      'it stops as soon as a page is smaller than a value that does not follow the reduction, so that a full page of a reduced size looks like a short one',
  }
}

function isPageSize(node: Expression): boolean {
  if (node.type === 'filter' && node.operand !== undefined) return isPageSize(node.operand)
  return node.type === 'name' && node.name === 'page_size'
}

function comparisons(template: Body): Comparison[] {
  const found: Comparison[] = []
  for (const statement of template) collect(statement, template.length === 1, found)
  return found
}

function collect(node: object, decides: boolean, found: Comparison[]): void {
  if (isCompare(node)) {
    let left = node.first
    for (const { operator, operand } of node.rest) {
      found.push({ left, operator, right: operand, decides })
      left = operand
    }
    for (const operand of [node.first, ...node.rest.map((part) => part.operand)])
      collect(operand, false, found)
  } else if (isIf(node)) {
    const follows = decides && rendersTrueTextOnly(node)
    for (const [index, { test, body }] of node.branches.entries()) {
      collect(test, follows && index === 0, found)
      for (const statement of body) collect(statement, false, found)
    }
    for (const statement of node.otherwise) collect(statement, false, found)
  } else {
    const passes = decides && passesTruth(node)
    for (const child of childrenOf(node)) collect(child, passes, found)
  }
}

function isCompare(node: object): node is CompareNode {
  return 'type' in node && node.type === 'compare'
}

function isIf(node: object): node is IfNode {
  return 'type' in node && node.type === 'if'
}

function passesTruth(node: object): boolean {
  if (!('type' in node)) return false
  if (node.type === 'output') return true
  return node.type === 'binary' && 'operator' in node && /^(?:and|or)$/.test(String(node.operator))
}

/** `{% if test %}true{% endif %}`: the condition holds exactly if the test does. */
function rendersTrueTextOnly({ branches, otherwise }: IfNode): boolean {
  const [only] = branches
  if (only === undefined || branches.length > 1 || otherwise.length > 0) return false
  let text = ''
  for (const statement of only.body) {
    if (statement.type === 'data') text += statement.text
    else if (statement.type === 'output' && statement.expression.type === 'const')
      text += str(statement.expression.value)
    else return false
  }
  return !isFalse(text)
}

/** True if a variable of this name is anywhere in the node. */
function names(node: object, name: string): boolean {
  if ('type' in node && node.type === 'name') return 'name' in node && node.name === name
  return childrenOf(node).some((child) => names(child, name))
}

function childrenOf(node: object): object[] {
  if ('type' in node && node.type === 'const') return []
  return Object.values(node).filter((child: unknown) => typeof child === 'object' && child !== null)
}
