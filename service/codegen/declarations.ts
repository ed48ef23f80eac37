import { parseLocalReference } from '../../lib/text/json-pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue, valueAt } from '../../protocol/index.ts'
import { docOf } from './container-types.ts'
import { schemaType, type SchemaContext } from './schema-types.ts'
import type { Declaration, SchemaRole, TypeNode } from './type-node.ts'
import { typeName, type TypeNames } from './type-names.ts'

export interface DeclareOptions {
  readonly names: TypeNames
  readonly numbers: SchemaContext['numbers']
  readonly role: SchemaRole
}

/** The type of a whole schema, under a reserved name, and the types that its `$ref`s name. */
export function declareType(
  root: { readonly name: string; readonly schema: JsonObject; readonly doc: string },
  { names, numbers, role }: DeclareOptions,
): readonly Declaration[] {
  const nameOf = (pointer: readonly string[]): string =>
    names.take(typeName(root.name, typeName(pointer.at(-1) ?? '', '')))
  const declare = referenceScope(root.schema, { numbers, role, nameOf, rootName: root.name })
  const type = declare.type(root.schema)
  return [{ name: root.name, doc: root.doc, type }, ...declare.rest()]
}

/** The types of `$defs`, under their own names. */
export function declareDefinitions(
  document: JsonObject,
  { names, numbers, role }: DeclareOptions,
): readonly Declaration[] {
  const nameOf = (pointer: readonly string[]): string => names.take(pointer.at(-1) ?? '')
  const declare = referenceScope(document, { numbers, role, nameOf, rootName: undefined })
  for (const name of Object.keys(isJsonObject(document.$defs) ? document.$defs : {}))
    declare.type({ $ref: `#/$defs/${name}` })
  return declare.rest()
}

interface ScopeOptions {
  readonly numbers: SchemaContext['numbers']
  readonly role: SchemaRole
  readonly nameOf: (pointer: readonly string[]) => string
  readonly rootName: string | undefined
}

interface ReferenceScope {
  type(schema: JsonValue): TypeNode
  /** The referenced types, and those that they reference. */
  rest(): readonly Declaration[]
}

/** Each target of a reference becomes one type, so that schemas may be recursive. */
function referenceScope(root: JsonObject, options: ScopeOptions): ReferenceScope {
  const { numbers, role, nameOf, rootName } = options
  const named = new Map<string, string>()
  if (rootName !== undefined) named.set('[]', rootName)
  const open: { readonly name: string; readonly schema: JsonValue }[] = []
  const reference = (ref: string): TypeNode | undefined => {
    const pointer = parseLocalReference(ref)
    if (pointer === undefined) return undefined
    const key = JSON.stringify(pointer)
    const before = named.get(key)
    if (before !== undefined) return { kind: 'name', name: before }
    const schema = valueAt(root, pointer)
    if (schema === undefined) return undefined
    const name = nameOf(pointer)
    named.set(key, name)
    // Made later, one after the other: a chain of references must not become a chain of calls.
    open.push({ name, schema })
    return { kind: 'name', name }
  }
  const type = (schema: JsonValue): TypeNode =>
    schemaType(schema, { reference, numbers, role, depth: 0 })
  return {
    type,
    rest: () => {
      const declared: Declaration[] = []
      for (let next = open.shift(); next !== undefined; next = open.shift())
        declared.push({ name: next.name, doc: docOf(next.schema), type: type(next.schema) })
      return declared
    },
  }
}
