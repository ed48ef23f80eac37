import {
  copy,
  dictOf,
  entries,
  get,
  has,
  isDict,
  isEmpty,
  keys,
  merged,
  remove,
  set,
} from '../value/dict.ts'
import { truth } from '../value/truth.ts'
import type { Dict, Value } from '../value/value.ts'
import { customTypes, defaultTypes } from './default-types.ts'
import { manifestError } from './manifest-error.ts'
import { mapValues } from './map-values.ts'

const parametersField = '$parameters'
/**
 * Objects of a manifest, its references expanded: a small text whose references multiply has no end. The
 * largest of 452 public manifests has 42,000.
 */
const maxComponents = 400_000
/**
 * Parameters, each counted for every component that it reaches. The most of 452 public manifests are 7,000
 * (2026-11).
 */
const maxParameters = 1_000_000

export interface PropagateOptions {
  /** If a parent and a component have a parameter of the same name, the parent's counts. */
  readonly parentWins?: boolean
}

/**
 * Gives components the types that they left out, and passes `$parameters` down: each component gets those of
 * its parents as fields, if it has no such field (or an empty one), and all of them as `$parameters`. A new
 * tree, in which parts that are no components may be shared with the old one, and equal components with each
 * other.
 */
export function propagateParameters(component: Dict, options: PropagateOptions = {}): Dict {
  const propagation: Propagation = {
    parentWins: options.parentWins ?? false,
    components: 0,
    parameters: 0,
    done: new Map(),
  }
  return propagate(propagation, component, { place: '', parameters: {} })
}

interface Propagation {
  readonly parentWins: boolean
  components: number
  parameters: number
  /**
   * The results for components that got no parameters, by place: references put the same component into many
   * streams.
   */
  readonly done: Map<Dict, Map<string, PropagatedComponent>>
}
interface PropagatedComponent {
  readonly result: Dict
  readonly components: number
}
/** Where a component stands. */
interface Position {
  /** `<type of the parent>.<field>` */
  readonly place: string
  readonly parameters: Dict
}

function propagate(propagation: Propagation, source: Dict, position: Position): Dict {
  if (!isEmpty(position.parameters)) return propagateOnce(propagation, source, position)
  const done = propagation.done.get(source)
  const before = done?.get(position.place)
  if (before !== undefined) {
    count(propagation, before.components)
    return before.result
  }
  const start = propagation.components
  const result = propagateOnce(propagation, source, position)
  const now = { result, components: propagation.components - start }
  if (done === undefined) propagation.done.set(source, new Map([[position.place, now]]))
  else done.set(position.place, now)
  return result
}

/**
 * A shared component counts once for each place where it stands: a walk through the manifest meets it as
 * often.
 */
function count(propagation: Propagation, components: number): void {
  propagation.components += components
  if (propagation.components > maxComponents) {
    throw manifestError('', 'Its references expand to too many components.')
  }
}

function countParameters(propagation: Propagation, parameters: number): void {
  propagation.parameters += parameters
  if (propagation.parameters > maxParameters) {
    throw manifestError('', 'Its "$parameters" reach too many components. Pass fewer of them down.')
  }
}

function propagateOnce(propagation: Propagation, source: Dict, position: Position): Dict {
  count(propagation, 1)
  const component = copy(source)
  if (!has(component, 'type')) {
    const types = has(component, 'class_name') ? customTypes : defaultTypes
    const type = types.get(position.place)
    if (type !== undefined) set(component, 'type', type)
  }
  const parameters = takeParameters(propagation, component, position)
  countParameters(propagation, keys(parameters).length)
  const type = get(component, 'type')
  if (isJsonSchema(type)) return component
  if (type === undefined) {
    return mapValues(component, (value) =>
      isComponent(value) ? propagate(propagation, value, { ...position, parameters }) : value,
    )
  }
  return propagateFields(propagation, withFields(component, parameters), parameters)
}

/** The parameters that hold for a component; its own are removed from it. */
function takeParameters(propagation: Propagation, component: Dict, position: Position): Dict {
  const own = get(component, parametersField)
  if (own === undefined) return copy(position.parameters)
  remove(component, parametersField)
  if (!isDict(own)) {
    throw manifestError(
      position.place,
      'Its "$parameters" are not an object. Write names with values.',
    )
  }
  return propagation.parentWins
    ? merged(own, position.parameters)
    : merged(position.parameters, own)
}

/**
 * A component's type is text: a list is a union of types in a JSON schema, an object a property that is
 * called "type".
 */
function isJsonSchema(type: Value | undefined): boolean {
  return type === 'object' || Array.isArray(type) || (type !== undefined && isDict(type))
}

function isComponent(value: Value): value is Dict {
  return isDict(value) && truth(get(value, 'type') ?? null)
}

/** Parameters become fields, except if there is such a field with a value. Changes a plain dict in place. */
function withFields(component: Dict, parameters: Dict): Dict {
  if (isEmpty(parameters)) return component
  const added = entries(parameters).map(([name, value]): [Value, Value] => {
    const own = get(component, name)
    return [name, own !== undefined && truth(own) ? own : value]
  })
  return dictOf([...entries(component), ...added])
}

/**
 * Propagates to the components in the fields. A parameter is not passed on to the field that bears its name:
 * it would never end.
 */
function propagateFields(propagation: Propagation, component: Dict, parameters: Dict): Dict {
  const type = typeText(get(component, 'type'))
  const result = mapValues(component, (value, name) => {
    if (!isDict(value) && !Array.isArray(value)) return value
    const place = `${type}.${typeText(name)}`
    const excluded = get(parameters, name)
    if (excluded !== undefined) remove(parameters, name)
    const changed = isDict(value)
      ? propagate(propagation, value, { place, parameters })
      : value.map((item) =>
          isDict(item) ? propagate(propagation, item, { place, parameters }) : item,
        )
    // Back at the end of the order, and lost if it is empty, as the reference has it.
    if (excluded !== undefined && truth(excluded)) set(parameters, name, excluded)
    return changed
  })
  if (!isEmpty(parameters)) set(result, parametersField, parameters)
  return result
}

function typeText(value: Value | undefined): string {
  return typeof value === 'string' ? value : ''
}
