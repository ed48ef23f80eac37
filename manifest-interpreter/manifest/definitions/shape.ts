/** The language that describes the components of a manifest: it says what is allowed at each place. */
export type Shape =
  | SimpleShape
  | NumberShape
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | ListShape
  | { readonly kind: 'map'; readonly values: Shape }
  | FieldsShape
  /** One of these definitions. */
  | { readonly kind: 'component'; readonly names: readonly string[] }
  | { readonly kind: 'any-of'; readonly shapes: readonly Shape[] }

export interface SimpleShape {
  readonly kind: 'simple'
  /** `json`: any value but those that YAML has and JSON has not, like dates. */
  readonly type: 'text' | 'flag' | 'object' | 'json'
}
export interface NumberShape {
  readonly kind: 'number'
  readonly integer: boolean
  /** The least value. */
  readonly min?: number
  readonly above?: number
}
export interface ListShape {
  readonly kind: 'list'
  readonly items: Shape
  readonly min?: number
  readonly distinct?: boolean
}
export interface FieldsShape {
  readonly kind: 'fields'
  readonly required: readonly string[]
  /** At least one of these must be there. */
  readonly oneOf: readonly string[]
  /** Fields that are not named here may hold anything. */
  readonly fields: ReadonlyMap<string, Shape>
  /** No other fields. */
  readonly closed: boolean
  /** Values that are no object pass. */
  readonly others: boolean
}
/** Definitions by name: a component's is the `type` that Airbyte gives it. */
export type Definitions = Readonly<Record<string, Shape | TypedDefinition>>
/** A component: an object with a `type`, its own name if `type` says nothing else. */
export interface TypedDefinition {
  readonly kind: 'typed'
  readonly type: string | undefined
  readonly typeOptional: boolean
  readonly shape: FieldsShape
}

export const text: Shape = { kind: 'simple', type: 'text' }
export const flag: Shape = { kind: 'simple', type: 'flag' }
export const integer: NumberShape = { kind: 'number', integer: true }
export const number: NumberShape = { kind: 'number', integer: false }
export const object: Shape = { kind: 'simple', type: 'object' }
export const json: Shape = { kind: 'simple', type: 'json' }

export function choice(...values: string[]): Shape {
  return { kind: 'choice', values }
}

export function limited(
  shape: NumberShape,
  limits: { readonly min?: number; readonly above?: number },
): Shape {
  return { ...shape, ...limits }
}

export function list(
  items: Shape,
  options: { readonly min?: number; readonly distinct?: boolean } = {},
): Shape {
  return { kind: 'list', items, ...options }
}

export function mapOf(values: Shape): Shape {
  return { kind: 'map', values }
}

export function component(...names: string[]): Shape {
  return { kind: 'component', names }
}

export function anyOf(...shapes: Shape[]): Shape {
  return { kind: 'any-of', shapes }
}

interface FieldsOptions {
  readonly required?: readonly string[]
  readonly oneOf?: readonly string[]
  readonly fields?: Readonly<Record<string, Shape>>
  readonly closed?: boolean
  readonly others?: boolean
}

export function fields(options: FieldsOptions): FieldsShape {
  const { required = [], oneOf = [], closed = false, others = false } = options
  const shapes = new Map(Object.entries(options.fields ?? {}))
  return { kind: 'fields', required, oneOf, fields: shapes, closed, others }
}

export function typed(
  options: FieldsOptions & { readonly type?: string; readonly typeOptional?: boolean },
): TypedDefinition {
  const { type, typeOptional = false } = options
  const own = { ...options, fields: { ...options.fields, $parameters: object } }
  return { kind: 'typed', type, typeOptional, shape: fields(own) }
}
