import { ConnectError } from '../protocol/errors/connect-error.ts'
import { get, isDict } from './value/dict.ts'
import { truth } from './value/truth.ts'
import type { Dict, PlainDict, Value } from './value/value.ts'

/**
 * Reads fields of a component's definition. It has been validated, so a wrong type comes from where
 * validation does not look: from `$parameters`, or from the mapping of a dynamic stream.
 */

/** The `$parameters` that reached the component. */
export function parametersOf(definition: PlainDict): Dict {
  return optionalDict(definition, '$parameters') ?? {}
}

export function field(definition: PlainDict, name: string): Value | undefined {
  return get(definition, name)
}

export function text(definition: PlainDict, name: string): string {
  const value = optionalText(definition, name)
  if (value === undefined) throw wrong(definition, name, 'text')
  return value
}

export function optionalText(definition: PlainDict, name: string): string | undefined {
  const value = get(definition, name)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw wrong(definition, name, 'text')
  return value
}

/** Truth as Python sees it; `otherwise` if the field is missing or null. */
export function flag(definition: PlainDict, name: string, otherwise: boolean): boolean {
  const value = get(definition, name)
  return value === undefined || value === null ? otherwise : truth(value)
}

export function optionalNumber(definition: PlainDict, name: string): number | undefined {
  const value = get(definition, name)
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return value
  if (typeof value === 'object' && 'value' in value && typeof value.value === 'number')
    return value.value
  throw wrong(definition, name, 'a number')
}

/** An absent list is empty. */
export function list(definition: PlainDict, name: string): readonly Value[] {
  const value = get(definition, name)
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrong(definition, name, 'a list')
  return value
}

export function optionalDict(definition: PlainDict, name: string): Dict | undefined {
  const value = get(definition, name)
  if (value === undefined || value === null) return undefined
  if (!isDict(value)) throw wrong(definition, name, 'an object')
  return value
}

/** A nested component. */
export function optionalComponent(definition: PlainDict, name: string): PlainDict | undefined {
  const value = optionalDict(definition, name)
  if (value instanceof Map) throw wrong(definition, name, 'a component')
  return value
}

export function component(definition: PlainDict, name: string): PlainDict {
  const value = optionalComponent(definition, name)
  if (value === undefined) throw wrong(definition, name, 'a component')
  return value
}

/**
 * A mistake in the manifest that only shows when it is compiled. `place`: like "page_size_reduction of stream
 * orders". `problem` says what is wrong there, and never has a value of the configuration in it.
 */
export function invalidComponent(place: string, problem: string): ConnectError {
  return new ConnectError('manifest_component_invalid', { details: { place, problem } })
}

function wrong(definition: PlainDict, name: string, expected: string): ConnectError {
  const type = get(definition, 'type')
  const place = typeof type === 'string' ? `${name} of a ${type}` : `the field ${name}`
  return invalidComponent(place, `it needs ${expected}.`)
}
