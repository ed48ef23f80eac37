import type { z } from 'zod'
import { nameSuggestion, nameList, nearestName } from '../../lib/text/near-names.ts'
import type { FileProblem } from './file-problem.ts'
import { fieldName, type FieldPath } from './source-position.ts'

export interface SchemaProblemContext {
  /** The document that was checked. */
  readonly document: unknown
  /** The place of the document in the file: `[]`, or the path of a connector's configuration. */
  readonly base: FieldPath
  /** The names of the fields at a path below the base, for "did you mean". */
  knownFields(path: FieldPath): readonly string[] | undefined
  /** Whether a wrong value may be shown: never inside a configuration, it may be a secret. */
  mayShow(path: FieldPath): boolean
}

/** The problems that a schema found, in words for the author of the file. */
export function schemaProblems(
  issues: readonly z.core.$ZodIssue[],
  context: SchemaProblemContext,
): FileProblem[] {
  const problems = issues.flatMap((issue) => issueProblems(issue, [], context))
  // A misspelt field is also missing under its right name: only one of the two is reported.
  const misspelt = problems
    .filter(({ at: place }) => place === 'key')
    .map(({ path }) => JSON.stringify(meantPath(path, context)))
  return problems.filter(
    ({ path, problem }) => problem !== isMissing || !misspelt.includes(JSON.stringify(path)),
  )
}

const isMissing = 'is missing'

function meantPath(unknown: FieldPath, context: SchemaProblemContext): FieldPath {
  const parent = unknown.slice(0, -1)
  const known = context.knownFields(parent.slice(context.base.length)) ?? []
  return [...parent, nearestName(String(unknown.at(-1)), known) ?? '']
}

function issueProblems(
  issue: z.core.$ZodIssue,
  above: FieldPath,
  context: SchemaProblemContext,
): FileProblem[] {
  const path: FieldPath = [
    ...above,
    ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part)),
  ]
  if (issue.code === 'invalid_union') {
    const branch = closestBranch(issue.errors, fieldValue(context.document, path))
    if (branch !== undefined) return branch.flatMap((inner) => issueProblems(inner, path, context))
  }
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownField([...path, key], context))
  const value = fieldValue(context.document, path)
  if (value === undefined) return [missingField(path, issue, context)]
  const problem = `${describe(value, path, context)}${explain(issue)}`
  return [
    {
      code: 'run_file_invalid',
      path: [...context.base, ...path],
      at: 'value',
      problem,
      fix: fixFor(issue, value),
    },
  ]
}

/**
 * The alternative that the author meant: the one that takes a value of this shape, whose complaints are about
 * what is inside. Undefined if none takes the shape.
 */
function closestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
  value: unknown,
): readonly z.core.$ZodIssue[] | undefined {
  if (value === undefined) return undefined
  const takesShape = (branch: readonly z.core.$ZodIssue[]): boolean =>
    branch.every(
      (issue) =>
        issue.path.length > 0 ||
        !['invalid_type', 'invalid_value', 'invalid_union'].includes(issue.code),
    )
  const unknownFields = (branch: readonly z.core.$ZodIssue[]): number =>
    branch.filter(({ code, path }) => code === 'unrecognized_keys' && path.length === 0).length
  // If several groups of fields are possible, the one that has the fields of the value is meant.
  const [meant] = branches
    .filter(takesShape)
    .toSorted((left, right) => unknownFields(left) - unknownFields(right))
  if (meant !== undefined) return meant
  // A text where a choice of texts (or a list or table) is possible: the choice explains it best.
  return typeof value === 'string'
    ? branches.find((branch) => branch.some(({ code }) => code === 'invalid_value'))
    : undefined
}

function unknownField(path: FieldPath, context: SchemaProblemContext): FileProblem {
  const key = String(path.at(-1))
  const known = context.knownFields(path.slice(0, -1))
  const near = known && nearestName(key, known)
  const fields = known && known.length > 0 ? ` Fields here: ${nameList(known, 12)}.` : ''
  const fix = near === undefined ? `Remove it.${fields}` : `Did you mean \`${near}\`?`
  return {
    code: 'run_file_invalid',
    path: [...context.base, ...path],
    at: 'key',
    problem: 'unknown field',
    fix,
  }
}

function missingField(
  path: FieldPath,
  issue: z.core.$ZodIssue,
  context: SchemaProblemContext,
): FileProblem {
  const full = [...context.base, ...path]
  const key = String(path.at(-1) ?? '')
  const choice = issue.code === 'invalid_value' ? ` (${nameList(issue.values.map(String))})` : ''
  return {
    code: 'run_file_invalid',
    path: full,
    at: 'value',
    problem: isMissing,
    fix: `Add \`${key}\`${choice} to ${fieldName(full.slice(0, -1))}.`,
  }
}

function describe(value: unknown, path: FieldPath, context: SchemaProblemContext): string {
  return typeof value === 'string' &&
    value.length <= 60 &&
    context.mayShow([...context.base, ...path])
    ? `"${value}" `
    : ''
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return 'is not one of the possible values'
  if (issue.code === 'invalid_type') return `must be ${typeNames[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_union') return 'has the wrong type'
  const isNumber = 'origin' in issue && (issue.origin === 'number' || issue.origin === 'int')
  if (issue.code === 'too_small')
    return isNumber ? `must be at least ${String(issue.minimum)}` : 'must not be empty'
  if (issue.code === 'too_big' && isNumber) return `must be at most ${String(issue.maximum)}`
  return issue.message
}

function fixFor(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_value') {
    const options = issue.values.map(String)
    const near = typeof value === 'string' ? nearestName(value, options) : undefined
    return `${nameSuggestion(near)}Use ${nameList(options)}.`
  }
  if (issue.code === 'invalid_type' && issue.expected === 'string' && typeof value !== 'object')
    return 'Put the value into quotes.'
  if (issue.code === 'invalid_union')
    return `Use ${nameList(issue.errors.flatMap(listAcceptedValues))}.`
  return 'Correct the value; docs/run-file.md describes the field.'
}

/** The values that an alternative of a union would accept. */
function listAcceptedValues(branch: readonly z.core.$ZodIssue[]): readonly string[] {
  return branch.flatMap((issue) => {
    if (issue.path.length > 0) return []
    if (issue.code === 'invalid_value') return issue.values.map((value) => `\`${String(value)}\``)
    if (issue.code === 'invalid_type') return [typeNames[issue.expected] ?? issue.expected]
    return []
  })
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
  record: 'a group of fields',
}

function fieldValue(document: unknown, path: FieldPath): unknown {
  let value = document
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.entries(value).find(([key]) => key === String(part))?.[1]
  }
  return value
}
