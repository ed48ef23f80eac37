import { parseLocalReference } from '../../../lib/text/json-pointer.ts'
import { entries, get, isDict, isEmpty, isPlainDict, set, valueInside } from '../../value/dict.ts'
import { isFloat, isInt, numeric } from '../../value/number.ts'
import { PythonError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { typeName } from '../../value/type-name.ts'
import { requireDepth } from '../transformations/copy-value.ts'
import { castTo } from './cast-value.ts'
import type { SchemaNormalizer } from '../../contracts.ts'
import type { Dict, Value } from '../../value/value.ts'

/** A value that does not fit its type after the cast. It does not change. */
export interface Misfit {
  /** Names of properties; `*` for an item of a list. */
  readonly path: readonly string[]
  readonly type: string
  readonly expected: string
}

/** Compiles a schema to what casts records to it, in place. Null for an empty one. */
export function compileNormalizer(
  schema: Dict,
  report: (misfit: Misfit) => void,
): SchemaNormalizer | null {
  if (isEmpty(schema)) return null
  const compiler = new SchemaCompiler(schema, report)
  const visit = compiler.compile(schema)
  return (record) => {
    compiler.reset()
    visit(record, [])
  }
}

/**
 * Visits a value: casts its parts and reports those that do not fit. `path` is its path, changed on the way.
 */
type Visit = (value: Value, path: string[]) => void

class SchemaCompiler {
  readonly #root: Dict
  readonly #report: (misfit: Misfit) => void
  readonly #references = new Map<string, Visit>()
  /** References that are being followed: a reference that names itself never ends. */
  #following = 0

  constructor(root: Dict, report: (misfit: Misfit) => void) {
    this.#root = root
    this.#report = report
  }

  /** A record that failed leaves nothing behind. */
  reset(): void {
    this.#following = 0
  }

  /**
   * Keywords in the order of the schema; beside a reference there are none. Others than these are not looked
   * at.
   */
  compile(schema: Value): Visit {
    if (!isPlainDict(schema)) return nothing
    const reference = get(schema, '$ref') ?? null
    if (reference !== null) return this.#reference(reference)
    const visits: Visit[] = []
    for (const [keyword, value] of entries(schema)) {
      if (keyword === 'type') visits.push(this.#type(value))
      if (keyword === 'properties') visits.push(this.#properties(value))
      if (keyword === 'items') visits.push(this.#items(value))
    }
    const [only] = visits
    if (visits.length === 1 && only !== undefined) return only
    return (value, path) => {
      for (const visit of visits) visit(value, path)
    }
  }

  #type(type: Value): Visit {
    const types = Array.isArray(type) ? type : [type]
    const tests = types.map(testOf)
    const expected = types
      .map((name) => (typeof name === 'string' ? name : typeName(name)))
      .join(', ')
    return (value, path) => {
      for (const fits of tests) if (fits(value)) return
      this.#report({ path: [...path], type: jsonType(value), expected })
    }
  }

  #properties(properties: Value): Visit {
    if (!isDict(properties)) return nothing
    const compiled = entries(properties).map(([name, schema]) => ({
      name,
      step: str(name),
      cast: castTo(schema),
      visit: this.compile(schema),
    }))
    return (value, path) => {
      if (!isDict(value)) return
      requireDepth(path.length)
      for (const { name, step, cast, visit } of compiled) {
        const before = get(value, name)
        if (before === undefined) continue
        const after = cast(before)
        if (after !== before) set(value, name, after)
        path.push(step)
        visit(after, path)
        path.pop()
      }
    }
  }

  #items(items: Value): Visit {
    const cast = castTo(items)
    const visit = this.compile(items)
    return (value, path) => {
      if (!Array.isArray(value)) return
      requireDepth(path.length)
      path.push('*')
      for (const [i, item] of value.entries()) {
        const after = cast(item)
        if (after !== item) value[i] = after
        visit(after, path)
      }
      path.pop()
    }
  }

  /** Compiled when it is first met, since a schema may refer to itself. */
  #reference(reference: Value): Visit {
    const key = str(reference)
    return (value, path) => {
      requireDepth(++this.#following)
      let visit = this.#references.get(key)
      if (visit === undefined) {
        visit = this.compile(this.#lookUp(reference))
        this.#references.set(key, visit)
      }
      visit(value, path)
      this.#following--
    }
  }

  #lookUp(reference: Value): Value {
    const path = typeof reference === 'string' ? parseLocalReference(reference) : undefined
    const found = path === undefined ? undefined : valueInside(this.#root, path)
    if (found !== undefined) return found
    throw new PythonError(
      'KeyError',
      `The schema refers to ${str(reference)}, which it does not hold.`,
    )
  }
}

const nothing: Visit = () => undefined

const typeTests: ReadonlyMap<Value, (value: Value) => boolean> = new Map<
  Value,
  (value: Value) => boolean
>([
  ['object', isDict],
  ['array', Array.isArray],
  ['string', (value) => typeof value === 'string'],
  ['boolean', (value) => typeof value === 'boolean'],
  ['null', (value) => value === null],
  ['number', (value) => isInt(value) || isFloat(value)],
  ['integer', (value) => isInt(value) || (isFloat(value) && Number.isInteger(numeric(value)))],
])

/** A type that is none shows when a value fits none of the types before it. */
function testOf(type: Value): (value: Value) => boolean {
  return typeTests.get(type) ?? unknownType(type)
}

function unknownType(type: Value): () => never {
  return () => {
    throw new PythonError(
      'ValueError',
      `The schema names the type ${typeof type === 'string' ? type : typeName(type)}, which JSON schema does not have.`,
    )
  }
}

function jsonType(value: Value): string {
  // `integer` comes before `number`, because it is more specific.
  for (const type of ['integer', ...typeTests.keys()]) if (testOf(type)(value)) return str(type)
  throw new PythonError(
    'KeyError',
    `A value of type ${typeName(value)} has no type in JSON schema.`,
  )
}
