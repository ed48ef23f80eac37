import { list, parametersOf } from '../../definition.ts'
import { get, isDict } from '../../value/dict.ts'
import { index as indexOf } from '../../value/number.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { isPattern } from '../transformations/glob-pattern.ts'
import { parseInteger } from '../transformations/python-int.ts'
import type { Builder } from '../../component.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** Evaluates a path of templates, which see the configuration only. */
export function evaluatePath(definition: PlainDict, name: string, builder: Builder): Value[] {
  const parameters = parametersOf(definition)
  return list(definition, name).map((segment) =>
    builder.templates.string(segment, { parameters })({ config: builder.config }),
  )
}

/** Throws if a path may lead to several fields. */
export function requireOneField(path: readonly Value[], name: string): void {
  if (path.some((segment) => typeof segment === 'string' && isPattern(segment)))
    throw valueError(
      `Glob characters ('*', '?', '[') are not supported in ${name}: the path must identify a single field.`,
    )
}

/** The value at a path without patterns, undefined if there is none. */
export function lookUp(record: Value, path: readonly Value[]): Value | undefined {
  let value: Value | undefined = record
  for (const segment of path) {
    if (Array.isArray(value)) {
      const index = typeof segment === 'string' ? parseInteger(segment) : indexOf(segment)
      value = index === undefined ? undefined : value.at(Number(index))
    } else value = isDict(value) ? get(value, str(segment)) : undefined
    if (value === undefined) return undefined
  }
  return value
}
