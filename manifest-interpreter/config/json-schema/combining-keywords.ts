import { get } from '../../value/dict.ts'
import { repr } from '../../value/text.ts'
import type { Value } from '../../value/value.ts'
import type { Keyword, KeywordCall } from './keyword.ts'
import type { Violation } from './violation.ts'

/** Keywords that apply other schemas to the same value. */
export const combiningKeywords: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  [
    '$ref',
    ({ argument, instance, check, resolve }) =>
      typeof argument === 'string' ? check(resolve(argument), instance) : [],
  ],
  [
    'allOf',
    ({ argument, instance, check }) =>
      schemasOf(argument).flatMap((schema) => check(schema, instance)),
  ],
  [
    'anyOf',
    (call) => {
      const { found } = alternatives(call)
      return found === undefined ? [] : noneFits(found)
    },
  ],
  ['oneOf', oneOf],
  [
    'not',
    ({ argument, instance, check }) =>
      check(argument, instance).length > 0
        ? []
        : [{ message: `The value should not be valid under ${repr(argument)}` }],
  ],
  [
    'if',
    ({ argument, instance, schema, check }) => {
      const branch = check(argument, instance).length === 0 ? 'then' : 'else'
      return check(get(schema, branch) ?? true, instance)
    },
  ],
])

function schemasOf(argument: Value): readonly Value[] {
  return Array.isArray(argument) ? argument : []
}

/** The index of the first schema that fits, or what is wrong in each of them. */
function alternatives({ argument, instance, check }: KeywordCall): {
  readonly first: number
  readonly found?: readonly Violation[]
} {
  const all: Violation[] = []
  for (const [i, schema] of schemasOf(argument).entries()) {
    const found = check(schema, instance)
    if (found.length === 0) return { first: i }
    all.push(...found)
  }
  return { first: -1, found: all }
}

function noneFits(context: readonly Violation[]): ReturnType<Keyword> {
  return [{ message: 'The value is not valid under any of the given schemas', context }]
}

function oneOf(call: KeywordCall): ReturnType<Keyword> {
  const { first, found } = alternatives(call)
  if (found !== undefined) return noneFits(found)
  const schemas = schemasOf(call.argument)
  const more = schemas
    .slice(first + 1)
    .filter((schema) => call.check(schema, call.instance).length === 0)
  if (more.length === 0) return []
  // The first schema is named last.
  const names = [...more, ...schemas.slice(first, first + 1)].map((schema) => repr(schema))
  return [{ message: `The value is valid under each of ${names.join(', ')}` }]
}
