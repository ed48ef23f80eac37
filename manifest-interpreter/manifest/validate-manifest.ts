import { get, has, isDict, keys } from '../value/dict.ts'
import type { Dict, Value } from '../value/value.ts'
import { language } from './definitions/language.ts'
import type {
  FieldsShape,
  ListShape,
  NumberShape,
  Shape,
  SimpleShape,
} from './definitions/shape.ts'
import { expected, found, listOf } from './describe-value.ts'
import { ManifestError, type ManifestProblem } from './manifest-error.ts'
import { equals } from '../value/equality.ts'
import { isFloat, isInt, numeric } from '../value/number.ts'

/** A path from the manifest down, as a list that shares its beginnings. */
interface Path {
  readonly parent: Path | null
  readonly key: string | number
}
type Problems = readonly Problem[]
interface Problem {
  readonly path: Path | null
  readonly message: string
  /**
   * The value has a type that is not allowed there. This says less than a problem inside of an allowed value.
   */
  readonly misfit: boolean
}

const none: Problems = []
const longestWord = 40

/**
 * @throws {ManifestError} with all problems, if a component lacks a field, or holds a value that cannot stand
 * there
 */
export function validateManifest(manifest: Dict): void {
  const problems = new Validation().manifest(manifest)
  if (problems.length > 0) throw new ManifestError(problems.map(described))
}

class Validation {
  /** Definitions that were found valid, and as what: references put the same one into many streams. */
  readonly #valid = new Map<Value, Set<string>>()

  manifest(manifest: Dict): Problems {
    return this.#checkComponent(['DeclarativeSource'], manifest, null)
  }

  #check(shape: Shape, value: Value, path: Path | null): Problems {
    switch (shape.kind) {
      case 'number':
        return checkNumber(shape, value, path)
      case 'list':
        return this.#checkList(shape, value, path)
      case 'map':
        return isDict(value)
          ? this.#checkValues(shape.values, value, path)
          : misfit(shape, value, path)
      case 'fields':
        return this.#checkFields(shape, value, path)
      case 'component':
        return this.#checkComponent(shape.names, value, path)
      case 'any-of':
        return this.#checkAnyOf(shape, value, path)
      case 'choice':
        return isChoice(shape, value) ? none : misfit(shape, value, path)
      case 'simple':
        return fits(shape, value) ? none : misfit(shape, value, path)
    }
  }

  #checkList(shape: ListShape, value: Value, path: Path | null): Problems {
    if (!Array.isArray(value)) return misfit(shape, value, path)
    const problems: Problem[] = []
    for (const [key, item] of value.entries()) {
      problems.push(...this.#check(shape.items, item, { parent: path, key }))
    }
    if (shape.min !== undefined && value.length < shape.min) {
      problems.push(...problem(path, `has ${value.length} items. Add some: it needs ${shape.min}.`))
    }
    if (shape.distinct === true && hasDuplicate(value)) {
      problems.push(...problem(path, 'has an item twice. Remove the second one.'))
    }
    return problems
  }

  #checkValues(shape: Shape, dict: Dict, path: Path | null): Problems {
    const problems: Problem[] = []
    for (const key of keys(dict)) {
      const place = { parent: path, key: keyText(key) }
      problems.push(...this.#check(shape, get(dict, key) ?? null, place))
    }
    return problems
  }

  #checkFields(shape: FieldsShape, value: Value, path: Path | null): Problems {
    if (!isDict(value)) return shape.others ? none : misfit(shape, value, path)
    const problems: Problem[] = []
    const missing = shape.required.filter((name) => !has(value, name))
    for (const name of missing) problems.push(...problem(path, `lacks "${name}". Add it.`))
    if (shape.oneOf.length > 0 && !shape.oneOf.some((name) => has(value, name))) {
      problems.push(...problem(path, `has none of ${listOf(shape.oneOf)}. Add one of them.`))
    }
    for (const key of keys(value)) {
      const field = typeof key === 'string' ? shape.fields.get(key) : undefined
      const place = { parent: path, key: keyText(key) }
      if (field !== undefined) problems.push(...this.#check(field, get(value, key) ?? null, place))
      else if (shape.closed) {
        const names = listOf([...shape.fields.keys()])
        problems.push(...problem(place, `is not a field of this object. Use one of ${names}.`))
      }
    }
    return problems
  }

  /**
   * A component is identified by its type first: the problems inside of the intended component are the useful
   * ones.
   */
  #checkComponent(names: readonly string[], value: Value, path: Path | null): Problems {
    const type = isDict(value) ? get(value, 'type') : undefined
    let nearest: Problems | undefined
    for (const name of byType(names, type)) {
      const problems = this.#checkDefinition(name, value, path)
      if (problems.length === 0) return none
      if (
        nearest === undefined &&
        !problems.every((found) => found.misfit && found.path === path)
      ) {
        nearest = problems
      }
    }
    return nearest ?? misfit({ kind: 'component', names }, value, path)
  }

  #checkDefinition(name: string, value: Value, path: Path | null): Problems {
    const definition = language.get(name)
    if (definition === undefined) throw new TypeError(`There is no definition of ${name}.`)
    if (definition.kind !== 'typed') return this.#check(definition, value, path)
    if (isDict(value)) {
      const type = get(value, 'type')
      const isIt = type === undefined ? definition.typeOptional : type === (definition.type ?? name)
      if (!isIt) return misfit({ kind: 'component', names: [name] }, value, path)
    }
    if (this.#valid.get(value)?.has(name) === true) return none
    const problems = this.#checkFields(definition.shape, value, path)
    if (problems.length === 0) this.#keepValid(value, name)
    return problems
  }

  #keepValid(value: Value, name: string): void {
    const names = this.#valid.get(value)
    if (names === undefined) this.#valid.set(value, new Set([name]))
    else names.add(name)
  }

  #checkAnyOf(
    shape: Extract<Shape, { kind: 'any-of' }>,
    value: Value,
    path: Path | null,
  ): Problems {
    let nearest: Problems | undefined
    for (const alternative of shape.shapes) {
      const problems = this.#check(alternative, value, path)
      if (problems.length === 0) return none
      if (
        nearest === undefined &&
        !problems.every((found) => found.misfit && found.path === path)
      ) {
        nearest = problems
      }
    }
    return nearest ?? misfit(shape, value, path)
  }
}

function isChoice({ values }: { readonly values: readonly string[] }, value: Value): boolean {
  return typeof value === 'string' && values.includes(value)
}

function fits({ type }: SimpleShape, value: Value): boolean {
  switch (type) {
    case 'text':
      return typeof value === 'string'
    case 'flag':
      return typeof value === 'boolean'
    case 'object':
      return isDict(value)
    case 'json':
      return isJson(value)
  }
}

/**
 * JSON lacks only the types that YAML alone has. The parts of a list or an object may be such values: the
 * reference looks no deeper.
 */
function isJson(value: Value): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Array.isArray(value) || isDict(value) || isFloat(value)
}

function checkNumber(shape: NumberShape, value: Value, path: Path | null): Problems {
  const amount = isInt(value) || isFloat(value) ? numeric(value) : undefined
  if (amount === undefined) return misfit(shape, value, path)
  // A float without a fraction is an integer of JSON Schema.
  if (shape.integer && typeof amount === 'number' && !Number.isInteger(amount)) {
    return misfit(shape, value, path)
  }
  const isWithin =
    (shape.min === undefined || amount >= shape.min) &&
    (shape.above === undefined || amount > shape.above)
  return isWithin ? none : problem(path, `is ${found(value)}. Use ${expected(shape)}.`)
}

function hasDuplicate(items: readonly Value[]): boolean {
  return items.some((item, i) =>
    items.slice(0, i).some((other) => typeof other === typeof item && equals(other, item)),
  )
}

function byType(names: readonly string[], type: Value | undefined): readonly string[] {
  if (names.length === 1 || typeof type !== 'string' || !names.includes(type)) return names
  return [type, ...names.filter((name) => name !== type)]
}

function misfit(shape: Shape, value: Value, path: Path | null): Problems {
  // If a word of a list is expected, the value is most likely a misspelled word.
  const isWord = shape.kind === 'choice' && typeof value === 'string' && value.length <= longestWord
  const what = isWord ? `"${value}"` : found(value)
  return [{ path, message: `is ${what}. Use ${expected(shape)}.`, misfit: true }]
}

function problem(path: Path | null, message: string): Problems {
  return [{ path, message, misfit: false }]
}

function described({ path, message }: Problem): ManifestProblem {
  return { path: pathText(path), message: path === null ? `It ${message}` : `This ${message}` }
}

function keyText(key: Value): string {
  return typeof key === 'object' ? found(key) : String(key)
}

function pathText(path: Path | null): string {
  if (path === null) return ''
  const parent = pathText(path.parent)
  if (typeof path.key === 'number') return `${parent}[${path.key}]`
  return parent === '' ? path.key : `${parent}.${path.key}`
}
