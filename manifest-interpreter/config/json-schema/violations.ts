import { formatPointer, parseLocalReference } from '../../../lib/text/json-pointer.ts'
import { isDict, textEntries, valueInside } from '../../value/dict.ts'
import { str } from '../../value/text.ts'
import type { Dict, Value } from '../../value/value.ts'
import { ConfigError } from '../config-error.ts'
import { SchemaPatterns } from '../schema-patterns.ts'
import { combiningKeywords } from './combining-keywords.ts'
import { containerKeywords } from './container-keywords.ts'
import { valueKeywords } from './value-keywords.ts'
import type { Keyword } from './keyword.ts'
import type { Finding, Violation } from './violation.ts'

/** References and schemas that lead into each other without end stop here. */
const maxDepth = 300

const keywords: ReadonlyMap<string, Keyword> = new Map([
  ...valueKeywords,
  ...containerKeywords,
  ...combiningKeywords,
])
const unsupported = new Set(['unevaluatedItems', 'unevaluatedProperties', '$dynamicRef'])

/**
 * Everything that a value has against it in a JSON schema, in the order of the schema's keywords: draft
 * 2020-12, and what drafts 4 to 7 had instead (lists of items, dependencies). Formats are not checked, as in
 * the reference.
 * @param patterns of the schema, if they are asked elsewhere too
 * @throws {ConfigError} for a schema that cannot be used
 */
export function violations(
  schema: Value,
  instance: Value,
  patterns = new SchemaPatterns(),
): readonly Violation[] {
  return new SchemaWalk(schema, patterns).check({ schema, instance, depth: 0, path: [] })
}

class SchemaWalk {
  readonly #root: Value
  readonly #patterns: SchemaPatterns

  constructor(root: Value, patterns: SchemaPatterns) {
    this.#root = root
    this.#patterns = patterns
  }

  check(place: {
    readonly schema: Value
    readonly instance: Value
    readonly depth: number
    /** The path of the value, from the value to which the whole schema applies. */
    readonly path: readonly Value[]
  }): Violation[] {
    const { schema, instance, depth, path } = place
    if (schema === true) return []
    if (schema === false) return [refused(instance)]
    if (!isDict(schema)) throw new ConfigError('A JSON schema of the manifest is not an object.')
    if (depth > maxDepth) throw new ConfigError('A JSON schema of the manifest refers to itself.')
    return textEntries(schema).flatMap(([name, argument]) => {
      const keyword = keywords.get(name)
      if (keyword === undefined) {
        if (unsupported.has(name)) {
          throw new ConfigError(`JSON schemas with "${name}" are not supported. Leave it out.`)
        }
        return []
      }
      const found = keyword({
        argument,
        instance,
        schema,
        check: (inner, part, key) => this.#part(inner, part, { key, depth, path }),
        isFound: (pattern, text) => this.#isFound(pattern, text, path),
        resolve: (reference) => this.#resolve(reference),
      })
      return found.map((violation) => completed(violation, { keyword: name, schema, instance }))
    })
  }

  #part(
    schema: Value,
    instance: Value,
    place: {
      readonly key: Value | undefined
      readonly depth: number
      readonly path: readonly Value[]
    },
  ): readonly Violation[] {
    const { key } = place
    const path = key === undefined ? place.path : [...place.path, key]
    const found = this.check({ schema, instance, depth: place.depth + 1, path })
    // The reference leaves the key out for the schema "false": it counts when the best match is chosen.
    if (key === undefined || schema === false) return found
    return found.map((violation) => ({ ...violation, path: [key, ...violation.path] }))
  }

  /** The error names the field. */
  #isFound(pattern: Value, text: string, path: readonly Value[]): boolean {
    try {
      return this.#patterns.isFound(pattern, text)
    } catch (error) {
      if (!(error instanceof ConfigError) || path.length === 0) throw error
      const place = formatPointer(path.map(str))
      throw new ConfigError(`${place}: ${error.message}`, { cause: error.cause })
    }
  }

  #resolve(reference: string): Value {
    const path = parseLocalReference(reference)
    const schema = path === undefined ? undefined : valueInside(this.#root, path)
    if (schema === undefined)
      throw new ConfigError(`Unresolvable JSON schema reference: ${reference}`)
    return schema
  }
}

function refused(instance: Value): Violation {
  return {
    message: 'The value is not allowed',
    keyword: '',
    path: [],
    schema: {},
    instance,
    context: [],
  }
}

function completed(
  found: Violation | Finding,
  place: { readonly keyword: string; readonly schema: Dict; readonly instance: Value },
): Violation {
  return 'path' in found ? found : { path: [], context: [], ...place, ...found }
}
