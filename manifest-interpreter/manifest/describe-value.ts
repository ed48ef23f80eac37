import { get, isDict } from '../value/dict.ts'
import { typeName } from '../value/type-name.ts'
import type { Value } from '../value/value.ts'
import { language } from './definitions/language.ts'
import type { FieldsShape, NumberShape, Shape } from './definitions/shape.ts'

/** Words for the values in a manifest, and for the values that are allowed. */

/**
 * Describes a value. Texts are not shown, because they may be secrets in the wrong place, and neither are the
 * contents of objects and lists.
 */
export function found(value: Value): string {
  if (value === null) return 'empty (null)'
  if (typeof value === 'string') return 'a text'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`
  if (Array.isArray(value)) return 'a list'
  if (isDict(value)) {
    const type = get(value, 'type')
    return typeof type === 'string' ? `an object of type "${type}"` : 'an object without a type'
  }
  return typeNames.get(typeName(value)) ?? 'a value of another kind'
}

const typeNames = new Map([
  ['float', 'a number'],
  ['datetime.date', 'a date (put it in quotes to make it a text)'],
  ['datetime.datetime', 'a time (put it in quotes to make it a text)'],
  ['bytes', 'binary data'],
  ['set', 'a set'],
  ['tuple', 'a pair'],
])

const simpleShapes = {
  text: 'a text',
  flag: 'true or false',
  object: 'an object',
  json: 'a value that JSON has',
}

/** Describes the values that fit a shape. */
export function expected(shape: Shape): string {
  switch (shape.kind) {
    case 'number':
      return expectedNumber(shape)
    case 'choice':
      return shape.values.length === 1 ? listOf(shape.values) : `one of ${listOf(shape.values)}`
    case 'list':
      return `a list, each item ${expected(shape.items)}`
    case 'fields':
      return expectedFields(shape)
    case 'component':
      return expectedComponents(shape.names)
    case 'any-of':
      return shape.shapes.map(expected).join(', or ')
    case 'simple':
      return simpleShapes[shape.type]
    case 'map':
      return 'an object'
  }
}

export function listOf(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}

function expectedNumber(shape: NumberShape): string {
  const base = shape.integer ? 'an integer' : 'a number'
  if (shape.min !== undefined) return `${base} of at least ${shape.min}`
  return shape.above === undefined ? base : `${base} above ${shape.above}`
}

function expectedFields(shape: FieldsShape): string {
  return shape.required.length === 0 ? 'an object' : `an object with ${listOf(shape.required)}`
}

/** Definitions without a type of their own are described by what they hold. */
function expectedComponents(names: readonly string[]): string {
  const types: string[] = []
  const others: string[] = []
  for (const name of names) {
    const definition = language.get(name)
    if (definition?.kind === 'typed') types.push(definition.type ?? name)
    else if (definition !== undefined) others.push(expected(definition))
  }
  const typed = types.length === 0 ? [] : [`an object of type ${orList(types)}`]
  return [...typed, ...others].join(', or ')
}

function orList(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(' or ')
}
