/** A type, as a step between its JSON Schema and its text. */
export type TypeNode =
  /** Text that is used as it is: `string`, `'a'`, or a type that every file may use, such as `Integer`. */
  | { readonly kind: 'text'; readonly text: string }
  /** A type that this file declares. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'union' | 'intersection'; readonly parts: readonly TypeNode[] }
  | { readonly kind: 'array'; readonly item: TypeNode; readonly isReadonly: boolean }
  | {
      readonly kind: 'tuple'
      readonly items: readonly TypeNode[]
      /** How many of them are required. */
      readonly required: number
      /** The type of further items; undefined: none. */
      readonly rest: TypeNode | undefined
    }
  | {
      readonly kind: 'object'
      readonly properties: readonly PropertyNode[]
      /** The type of properties without a declaration; undefined: the type says nothing about them. */
      readonly others: TypeNode | undefined
    }

/** output: the program only reads it, and may read fields that the schema does not name. */
export type SchemaRole = 'output' | 'any'

export interface PropertyNode {
  readonly name: string
  readonly type: TypeNode
  readonly isRequired: boolean
  readonly doc: string
}

/** A type that the file declares. */
export interface Declaration {
  readonly name: string
  readonly doc: string
  readonly type: TypeNode
}

export const unknownType: TypeNode = { kind: 'text', text: 'unknown' }
export const neverType: TypeNode = { kind: 'text', text: 'never' }
export const nullType: TypeNode = { kind: 'text', text: 'null' }
/** Any object. */
export const anyObject: TypeNode = { kind: 'object', properties: [], others: unknownType }

export function textNode(written: string): TypeNode {
  return { kind: 'text', text: written }
}

/** Flattened, without duplicates, null last. A union of one part is that part. */
export function unionOf(parts: readonly TypeNode[]): TypeNode {
  const flat = distinct(parts.flatMap((part) => (part.kind === 'union' ? part.parts : [part])))
  if (flat.some((part) => isText(part, 'unknown'))) return unknownType
  const real = flat.filter((part) => !isText(part, 'never') && !isText(part, 'null'))
  const ordered = flat.some((part) => isText(part, 'null')) ? [...real, nullType] : real
  const [only = neverType, ...others] = ordered
  return others.length === 0 ? only : { kind: 'union', parts: ordered }
}

/** Flattened, without duplicates and without parts that say nothing. */
export function intersectionOf(parts: readonly TypeNode[]): TypeNode {
  const flat = parts.flatMap((part) => (part.kind === 'intersection' ? part.parts : [part]))
  const telling = distinct(flat.filter((part) => !isText(part, 'unknown')))
  const hasObjects = telling.some(isObjects)
  const real = hasObjects ? telling.filter((part) => !isAnyObject(part)) : telling
  const [only = unknownType, ...others] = real
  return others.length === 0 ? only : { kind: 'intersection', parts: real }
}

function distinct(parts: readonly TypeNode[]): readonly TypeNode[] {
  if (parts.length < 2) return parts
  const byKey = new Map(parts.map((part) => [keyOf(part), part]))
  return byKey.size === parts.length ? parts : [...byKey.values()]
}

/** Equal for equal nodes. Most are texts, and cost nothing. */
function keyOf(node: TypeNode): string {
  if (node.kind === 'text') return node.text
  return node.kind === 'name' ? node.name : JSON.stringify(node)
}

export function isText(node: TypeNode, written: string): boolean {
  return node.kind === 'text' && node.text === written
}

function isAnyObject(node: TypeNode): boolean {
  return node.kind === 'object' && node.properties.length === 0 && node.others === unknownType
}

/** True if all are objects, and not just any object. */
function isObjects(node: TypeNode): boolean {
  if (node.kind === 'union') return node.parts.every(isObjects)
  return node.kind === 'object' && !isAnyObject(node)
}
