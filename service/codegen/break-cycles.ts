import {
  intersectionOf,
  unionOf,
  unknownType,
  type Declaration,
  type TypeNode,
} from './type-node.ts'

/**
 * TypeScript accepts a type that contains itself (`{ parent?: Node }`), but not one that is defined as itself
 * (`type Node = Node | null`). A schema that does so says nothing there, so its type is `unknown`.
 */
export function breakCycles(declarations: readonly Declaration[]): readonly Declaration[] {
  const endless = endlessNames(declarations)
  if (endless.size === 0) return declarations
  return declarations.map((declaration) =>
    endless.has(declaration.name)
      ? { ...declaration, type: without(declaration.type, endless) }
      : declaration,
  )
}

/** The declarations that are directly made of each other, or of such declarations. */
function endlessNames(declarations: readonly Declaration[]): ReadonlySet<string> {
  const waitsFor = new Map(declarations.map(({ name, type }) => [name, directNames(type)]))
  const usedBy = new Map<string, string[]>()
  for (const [name, parts] of waitsFor)
    for (const part of parts) usedBy.set(part, [...(usedBy.get(part) ?? []), name])
  const settled = [...waitsFor].filter(([, parts]) => parts.size === 0).map(([name]) => name)
  for (let name = settled.pop(); name !== undefined; name = settled.pop()) {
    waitsFor.delete(name)
    for (const user of usedBy.get(name) ?? []) {
      const left = waitsFor.get(user)
      left?.delete(name)
      if (left?.size === 0) settled.push(user)
    }
  }
  return new Set(waitsFor.keys())
}

/** The declared types that it refers to without an object or an array in between. */
function directNames(type: TypeNode): Set<string> {
  if (type.kind === 'name') return new Set([type.name])
  if (type.kind !== 'union' && type.kind !== 'intersection') return new Set()
  return new Set(type.parts.flatMap((part) => [...directNames(part)]))
}

function without(type: TypeNode, names: ReadonlySet<string>): TypeNode {
  if (type.kind === 'name') return names.has(type.name) ? unknownType : type
  if (type.kind === 'union') return unionOf(type.parts.map((part) => without(part, names)))
  if (type.kind === 'intersection')
    return intersectionOf(type.parts.map((part) => without(part, names)))
  return type
}
