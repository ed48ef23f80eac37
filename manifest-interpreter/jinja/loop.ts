import { typeError } from '../value/python-error.ts'
import { PyObject, type Value } from '../value/value.ts'
import { entryOf, operandOf, type Operand } from './operand.ts'
import { equals } from '../value/equality.ts'

/** Where a loop stands. */
export interface LoopState {
  readonly items: readonly Value[]
  index0: number
  /** Loops of this loop around it. */
  readonly depth0: number
  /** Renders the body for other items. Only a recursive loop has it. */
  readonly recurse: ((items: Operand) => string) | undefined
}

/** The variable `loop`. */
export function loopObject(state: LoopState): PyObject {
  const { items } = state
  let changed: readonly Value[] | undefined
  const attributes: ReadonlyMap<string, () => Operand> = new Map<string, () => Operand>([
    ['index', () => state.index0 + 1],
    ['index0', () => state.index0],
    ['revindex', () => items.length - state.index0],
    ['revindex0', () => items.length - state.index0 - 1],
    ['first', () => state.index0 === 0],
    ['last', () => state.index0 === items.length - 1],
    ['length', () => items.length],
    ['depth', () => state.depth0 + 1],
    ['depth0', () => state.depth0],
    ['previtem', () => (state.index0 === 0 ? undefined : items[state.index0 - 1])],
    ['nextitem', () => items[state.index0 + 1]],
  ])
  const cycle = method((args) => {
    if (args.length === 0) throw typeError('no items for cycling given')
    return operandOf(args[state.index0 % args.length])
  })
  const hasChanged = method((args) => {
    const values = args.map(entryOf)
    const isSame = changed !== undefined && equals([...changed], values)
    changed = values
    return !isSame
  })
  return new PyObject({
    type: 'LoopContext',
    repr: () => `<LoopContext ${state.index0 + 1}/${items.length}>`,
    size: () => items.length,
    attribute: (name) => {
      if (name === 'cycle') return cycle
      if (name === 'changed') return hasChanged
      const read = attributes.get(name)
      return read === undefined ? undefined : entryOf(read())
    },
    call: ([inner]) => {
      if (state.recurse === undefined) {
        throw typeError("The loop must have the 'recursive' marker to be called recursively.")
      }
      return state.recurse(inner)
    },
  })
}

function method(call: (args: readonly Operand[]) => Operand): PyObject {
  return new PyObject({ type: 'method', call })
}
