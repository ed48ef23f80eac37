import { entries, get, has, isDict, size } from '../../value/dict.ts'
import { repr } from '../../value/text.ts'
import type { Dict, Value } from '../../value/value.ts'
import { compareNumbers, sameJson, textKeys } from './types.ts'
import type { Finding, Violation } from './violation.ts'
import type { Keyword, KeywordCall } from './keyword.ts'

/** Keywords about what objects and lists hold. */
export const containerKeywords: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ['properties', ofObjects(properties)],
  ['required', ofObjects(required)],
  ['additionalProperties', ofObjects(additionalProperties)],
  ['patternProperties', ofObjects(patternProperties)],
  [
    'propertyNames',
    ofObjects(({ argument, check }, object) =>
      textKeys(object).flatMap((key) => check(argument, key)),
    ),
  ],
  ['minProperties', ofObjects(minProperties)],
  ['maxProperties', ofObjects(maxProperties)],
  ['dependentRequired', ofObjects(dependentRequired)],
  ['dependentSchemas', ofObjects(dependentSchemas)],
  ['dependencies', ofObjects(dependencies)],
  ['items', ofLists(items)],
  ['prefixItems', ofLists(prefixItems)],
  ['additionalItems', ofLists(additionalItems)],
  ['contains', ofLists(contains)],
  ['minItems', ofLists(minItems)],
  ['maxItems', ofLists(maxItems)],
  ['uniqueItems', ofLists(uniqueItems)],
])

type KeywordResult = ReturnType<Keyword>

function ofObjects(keyword: (call: KeywordCall, object: Dict) => KeywordResult): Keyword {
  return (call) => (isDict(call.instance) ? keyword(call, call.instance) : [])
}

function ofLists(keyword: (call: KeywordCall, list: readonly Value[]) => KeywordResult): Keyword {
  return (call) => (Array.isArray(call.instance) ? keyword(call, call.instance) : [])
}

function say(words: string): Finding[] {
  return [{ message: `The value ${words}` }]
}

function properties({ argument, check }: KeywordCall, object: Dict): KeywordResult {
  if (!isDict(argument)) return []
  return entries(argument).flatMap(([name, schema]) => {
    const value = get(object, name)
    return value === undefined ? [] : check(schema, value, name)
  })
}

function required({ argument }: KeywordCall, object: Dict): KeywordResult {
  if (!Array.isArray(argument)) return []
  return argument
    .filter((name) => !has(object, name))
    .map((name) => ({ message: `${repr(name)} is a required property` }))
}

function additionalProperties(call: KeywordCall, object: Dict): KeywordResult {
  const { argument, schema, check, isFound } = call
  const declared = get(schema, 'properties') ?? {}
  const patterns = get(schema, 'patternProperties')
  const extras = textKeys(object).filter(
    (key) =>
      !(isDict(declared) && has(declared, key)) &&
      !textKeys(patterns ?? {}).some((pattern) => isFound(pattern, key)),
  )
  if (isDict(argument)) {
    return extras.flatMap((key) => check(argument, get(object, key) ?? null, key))
  }
  if (argument !== false || extras.length === 0) return []
  const names = extras.toSorted().map((key) => repr(key))
  if (patterns === undefined) {
    return [{ message: `Additional properties are not allowed (${unexpected(names)})` }]
  }
  const listed = textKeys(patterns)
    .toSorted()
    .map((key) => repr(key))
  const verb = names.length === 1 ? 'does' : 'do'
  const message = `${names.join(', ')} ${verb} not match any of the regexes: ${listed.join(', ')}`
  return [{ message }]
}

function unexpected(names: readonly string[]): string {
  return `${names.join(', ')} ${names.length === 1 ? 'was' : 'were'} unexpected`
}

function patternProperties({ argument, check, isFound }: KeywordCall, object: Dict): KeywordResult {
  if (!isDict(argument)) return []
  return entries(argument).flatMap(([pattern, schema]) =>
    textKeys(object)
      .filter((key) => isFound(pattern, key))
      .flatMap((key) => check(schema, get(object, key) ?? null, key)),
  )
}

function minProperties({ argument }: KeywordCall, object: Dict): KeywordResult {
  if (compareNumbers(size(object), argument) >= 0) return []
  return say(argument === 1 ? 'should be non-empty' : 'does not have enough properties')
}

function maxProperties({ argument }: KeywordCall, object: Dict): KeywordResult {
  if (compareNumbers(size(object), argument) <= 0) return []
  return say(argument === 0 ? 'is expected to be empty' : 'has too many properties')
}

function dependentRequired({ argument }: KeywordCall, object: Dict): KeywordResult {
  if (!isDict(argument)) return []
  return entries(argument).flatMap(([name, needed]) =>
    has(object, name) ? missingDependencies(object, name, needed) : [],
  )
}

function missingDependencies(object: Dict, name: Value, needed: Value): Finding[] {
  const names = Array.isArray(needed) ? needed : [needed]
  return names
    .filter((dependency) => !has(object, dependency))
    .map((dependency) => ({ message: `${repr(dependency)} is a dependency of ${repr(name)}` }))
}

function dependentSchemas({ argument, check }: KeywordCall, object: Dict): KeywordResult {
  if (!isDict(argument)) return []
  return entries(argument).flatMap(([name, schema]) =>
    has(object, name) ? check(schema, object) : [],
  )
}

/** `dependencies` of drafts 4 to 7: names, or a schema. */
function dependencies({ argument, check }: KeywordCall, object: Dict): KeywordResult {
  if (!isDict(argument)) return []
  const found: (Violation | Finding)[] = []
  for (const [name, needed] of entries(argument)) {
    if (!has(object, name)) continue
    if (Array.isArray(needed)) found.push(...missingDependencies(object, name, needed))
    else found.push(...check(needed, object))
  }
  return found
}

function items({ argument, schema, check }: KeywordCall, list: readonly Value[]): KeywordResult {
  // A list of schemas, in drafts 4 to 2019-09.
  if (Array.isArray(argument)) {
    return list.flatMap((item, i) => {
      const own = argument[i]
      return own === undefined ? [] : check(own, item, i)
    })
  }
  const prefix = get(schema, 'prefixItems')
  const start = Array.isArray(prefix) ? prefix.length : 0
  const rest = list.slice(start)
  if (rest.length === 0) return []
  if (argument !== false) return rest.flatMap((item, i) => check(argument, item, start + i))
  // "items" for any other number than one, 0 included.
  const noun = start === 1 ? 'item' : 'items'
  const message = `Expected at most ${start} ${noun} but found ${rest.length} extra`
  return [{ message }]
}

function prefixItems({ argument, check }: KeywordCall, list: readonly Value[]): KeywordResult {
  if (!Array.isArray(argument)) return []
  return argument.flatMap((schema, i) => {
    const item = list[i]
    return item === undefined ? [] : check(schema, item, i)
  })
}

function additionalItems(
  { argument, schema, check }: KeywordCall,
  list: readonly Value[],
): KeywordResult {
  const own = get(schema, 'items')
  if (!Array.isArray(own)) return []
  const rest = list.slice(own.length)
  if (argument !== false) return rest.flatMap((item, i) => check(argument, item, own.length + i))
  if (rest.length === 0) return []
  return [{ message: `Expected at most ${own.length} items but found ${rest.length} extra` }]
}

function contains({ argument, schema, check }: KeywordCall, list: readonly Value[]): KeywordResult {
  const least = get(schema, 'minContains') ?? 1
  const most = get(schema, 'maxContains') ?? list.length
  const matches = list.filter((item) => check(argument, item).length === 0).length
  if (compareNumbers(matches, most) > 0) {
    const message = `Too many items match the given schema (expected at most ${repr(most)})`
    return [{ message, keyword: 'maxContains' }]
  }
  if (compareNumbers(matches, least) >= 0) return []
  if (matches === 0) return say('does not contain items matching the given schema')
  const message = `Too few items match the given schema (expected at least ${repr(least)} but only ${matches} matched)`
  return [{ message, keyword: 'minContains' }]
}

function minItems({ argument }: KeywordCall, list: readonly Value[]): KeywordResult {
  if (compareNumbers(list.length, argument) >= 0) return []
  return say(argument === 1 ? 'should be non-empty' : 'is too short')
}

function maxItems({ argument }: KeywordCall, list: readonly Value[]): KeywordResult {
  if (compareNumbers(list.length, argument) <= 0) return []
  return say(argument === 0 ? 'is expected to be empty' : 'is too long')
}

function uniqueItems({ argument }: KeywordCall, list: readonly Value[]): KeywordResult {
  const repeated =
    argument === true &&
    list.some((item, i) => list.slice(0, i).some((other) => sameJson(other, item)))
  return repeated ? say('has non-unique elements') : []
}
