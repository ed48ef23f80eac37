import { optionalComponent, optionalText, parametersOf } from '../../definition.ts'
import { entries, get, isDict } from '../../value/dict.ts'
import { typeError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { PyFloat, type Dict, type PlainDict, type Value } from '../../value/value.ts'
import type { Builder } from '../../component.ts'

/** The state of a stream that has no cursor. It says nothing about a parent. */
const NO_CURSOR_STATE = '__ab_no_cursor_state_message'

/**
 * The states from which parents with incremental_dependency start, by parent name. The child's state stores
 * them under `parent_state`. A global state of the child, or a single value of the time when the child had
 * one cursor, stands in for it.
 */
export function parentStates(
  parent: PlainDict,
  childState: Dict,
  builder: Builder,
): ReadonlyMap<string, Dict> {
  const name = optionalText(parent, 'name') ?? ''
  const own = without(childState, NO_CURSOR_STATE)
  if (own.length === 0) return new Map()
  const parents = get(childState, 'parent_state')
  const state =
    (isDict(parents) ? get(parents, name) : undefined) ??
    get(childState, 'state') ??
    legacyState(own, parent, builder)
  if (state === undefined) return new Map()
  if (!isDict(state)) throw typeError(`The state of the parent stream ${name} must be an object.`)
  return new Map([[name, state]])
}

function without(state: Dict, name: string): (readonly [Value, Value])[] {
  return entries(state).filter(([key]) => key !== name)
}

function legacyState(
  state: readonly (readonly [Value, Value])[],
  parent: PlainDict,
  builder: Builder,
): Dict | undefined {
  const [only] = state
  if (only === undefined || state.length > 1 || !isScalar(only[1])) return undefined
  // A StateDelegatingStream with a state is read incrementally.
  const stream = optionalComponent(parent, 'incremental_stream') ?? parent
  const sync = optionalComponent(stream, 'incremental_sync')
  const field = sync === undefined ? undefined : optionalText(sync, 'cursor_field')
  if (sync === undefined || field === undefined)
    throw typeError(
      `The parent stream ${optionalText(parent, 'name') ?? ''} has incremental_dependency and needs incremental_sync.`,
    )
  const template = builder.templates.string(field, { parameters: parametersOf(sync) })
  return { [str(template({ config: builder.config }))]: only[1] }
}

function isScalar(value: Value): boolean {
  return (
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    value instanceof PyFloat
  )
}
