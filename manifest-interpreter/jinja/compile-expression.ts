import { limitLength } from '../value/arithmetic.ts'
import { isPlainDict, set } from '../value/dict.ts'
import { requireHashable } from '../value/hashable.ts'
import { truth } from '../value/truth.ts'
import { PyTuple, type PlainDict, type Value } from '../value/value.ts'
import type { Environment } from './environment.ts'
import type { Frame } from './frame.ts'
import { unknownName } from './environment.ts'
import type { FilterContext } from './filter.ts'
import { getAttribute, getItem, isAttributeOfDict, methodOf } from './lookup.ts'
import { callNative } from './native.ts'
import {
  isAccess,
  isOperation,
  type Access,
  type Arguments,
  type BinaryNode,
  type CallNode,
  type CompareNode,
  type ConditionNode,
  type Expression,
  type FilterNode,
  type Operation,
  type SliceNode,
  type TestNode,
} from './nodes.ts'
import {
  entryOf,
  isUndefined,
  operandOf,
  textOfOperand,
  undefinedError,
  type Operand,
} from './operand.ts'
import { binary, comparison, sign } from './operators.ts'
import { compileArguments, callOperand } from './call.ts'
import { slice } from './slice.ts'

/** An expression, ready to be evaluated. */
export type Evaluator = (frame: Frame) => Operand

/** Makes closures of the expressions of a template. */
export class ExpressionCompiler {
  readonly #environment: Environment
  /** Names that the template sets itself; all others come from outside. */
  readonly #assigned: ReadonlySet<string>
  /**
   * Counts the branches around the expression that is compiled: an unknown name there fails only when it is
   * reached.
   */
  #branches = 0

  constructor(environment: Environment, assigned: ReadonlySet<string>) {
    this.#environment = environment
    this.#assigned = assigned
  }

  /** Compiles a part that may not be reached. */
  inBranch<Result>(compile: () => Result): Result {
    this.#branches++
    const result = compile()
    this.#branches--
    return result
  }

  compile(node: Expression): Evaluator {
    if (isAccess(node)) return this.#access(node)
    if (isOperation(node)) return this.#operation(node)
    switch (node.type) {
      case 'const':
        return constant(node.value)
      case 'name':
        return this.#name(node.name)
      case 'list':
        return this.#list(node.items)
      case 'tuple':
        return this.#tuple(node.items)
      case 'dict':
        return this.#dict(node.items)
      case 'concat':
        return this.#concat(node.items)
    }
  }

  #access(node: Access): Evaluator {
    switch (node.type) {
      case 'getattr':
        return this.#attribute(this.compile(node.object), node.name)
      case 'getitem':
        return this.#item(node.object, node.key)
      case 'slice':
        return this.#slice(node)
      case 'call':
        return this.#call(node)
      case 'filter':
        return this.filter(node)
      case 'test':
        return this.#test(node)
    }
  }

  #operation(node: Operation): Evaluator {
    switch (node.type) {
      case 'condition':
        return this.#condition(node)
      case 'binary':
        return this.#binary(node)
      case 'compare':
        return this.#compare(node)
      case 'not': {
        const operand = this.compile(node.operand)
        return (frame) => !truth(operand(frame))
      }
      case 'negative':
      case 'positive': {
        const operand = this.compile(node.operand)
        const operator = node.type === 'negative' ? '-' : '+'
        return (frame) => sign(operator, operand(frame))
      }
    }
  }

  #compileAll(nodes: readonly Expression[]): readonly Evaluator[] {
    return nodes.map((node) => this.compile(node))
  }

  #name(name: string): Evaluator {
    if (this.#assigned.has(name)) return (frame) => frame.variable(name)
    const inputName = this.#environment.nameOf(name)
    if (name === 'self' || this.#environment.function(name) !== undefined)
      return (frame) => frame.outside(name)
    return (frame) => frame.fromInput(inputName)
  }

  #list(nodes: readonly Expression[]): Evaluator {
    const items = this.#compileAll(nodes)
    return (frame) => items.map((item) => entryOf(item(frame)))
  }

  #tuple(nodes: readonly Expression[]): Evaluator {
    const items = this.#compileAll(nodes)
    return (frame) => new PyTuple(items.map((item) => entryOf(item(frame))))
  }

  #dict(nodes: readonly (readonly [Expression, Expression])[]): Evaluator {
    const items = nodes.map(([key, value]) => [this.compile(key), this.compile(value)] as const)
    // A Map takes keys of any kind, should the template add some.
    return (frame) => {
      const dict = new Map<Value, Value>()
      for (const [key, value] of items) {
        const name = entryOf(key(frame))
        requireHashable(name)
        set(dict, name, entryOf(value(frame)))
      }
      return dict
    }
  }

  #concat(nodes: readonly Expression[]): Evaluator {
    const items = this.#compileAll(nodes)
    return (frame) => {
      let text = ''
      for (const item of items) text += textOfOperand(item(frame))
      limitLength(text.length)
      return text
    }
  }

  /** Most objects are plain dicts, and most names none of dict's own attributes. */
  #attribute(object: Evaluator, name: string): Evaluator {
    if (isAttributeOfDict(name) || name in Object.prototype) {
      return (frame) => getAttribute(object(frame), name, frame.budget)
    }
    return (frame) => {
      const target = object(frame)
      if (!isPlainDict(target)) return getAttribute(target, name, frame.budget)
      return operandOf(target[name])
    }
  }

  #item(objectNode: Expression, keyNode: Expression): Evaluator {
    const object = this.compile(objectNode)
    const key = this.compile(keyNode)
    const name = keyNode.type === 'const' ? keyNode.value : undefined
    if (typeof name !== 'string' || name in Object.prototype) {
      return (frame) => getItem(object(frame), key(frame), frame.budget)
    }
    return (frame) => {
      const target = object(frame)
      const value = isPlainDict(target) ? entry(target, name) : undefined
      return value === undefined ? getItem(target, name, frame.budget) : operandOf(value)
    }
  }

  #slice(node: SliceNode): Evaluator {
    const object = this.compile(node.object)
    const bound = (part: Expression | undefined): Evaluator =>
      part === undefined ? () => null : this.compile(part)
    const start = bound(node.start)
    const stop = bound(node.stop)
    const step = bound(node.step)
    return (frame) =>
      slice(object(frame), { start: start(frame), stop: stop(frame), step: step(frame) })
  }

  #condition(node: ConditionNode): Evaluator {
    return this.inBranch(() => {
      const test = this.compile(node.test)
      const then = this.compile(node.then)
      const otherwise =
        node.otherwise === undefined ? () => undefined : this.compile(node.otherwise)
      return (frame) => (truth(test(frame)) ? then(frame) : otherwise(frame))
    })
  }

  #binary(node: BinaryNode): Evaluator {
    const left = this.compile(node.left)
    const right = this.compile(node.right)
    const { operator } = node
    if (operator === 'and') {
      return (frame) => {
        const value = left(frame)
        return truth(value) ? right(frame) : value
      }
    }
    if (operator === 'or') {
      return (frame) => {
        const value = left(frame)
        return truth(value) ? value : right(frame)
      }
    }
    return (frame) => charged(frame, binary(operator, left(frame), right(frame)))
  }

  #compare(node: CompareNode): Evaluator {
    const first = this.compile(node.first)
    const rest = node.rest.map(({ operator, operand }) => ({
      operator,
      operand: this.compile(operand),
    }))
    const [only] = rest
    if (only !== undefined && rest.length === 1) {
      const { operator, operand } = only
      return (frame) => comparison(operator, first(frame), operand(frame))
    }
    return (frame) => {
      let left = first(frame)
      return rest.every(({ operator, operand }) => {
        const right = operand(frame)
        const holds = comparison(operator, left, right)
        left = right
        return holds
      })
    }
  }

  #call({ callee, args: nodes }: CallNode): Evaluator {
    const args = compileArguments(nodes, (node) => this.compile(node))
    if (callee.type === 'getattr') {
      return this.#methodCall(this.compile(callee.object), callee.name, nodes)
    }
    const native = callee.type === 'name' ? this.#environment.function(callee.name) : undefined
    if (callee.type === 'name' && native !== undefined && !this.#assigned.has(callee.name)) {
      const { name } = callee
      return (frame) => {
        const value = frame.fromInput(name)
        frame.budget.charge(1)
        if (value !== undefined) return callOperand(value, args(frame))
        return charged(frame, callNative(native, args(frame), frame.budget))
      }
    }
    const target = this.compile(callee)
    return (frame) => {
      const value = target(frame)
      frame.budget.charge(1)
      return charged(frame, callOperand(value, args(frame)))
    }
  }

  #methodCall(object: Evaluator, name: string, nodes: Arguments): Evaluator {
    const args = compileArguments(nodes, (node) => this.compile(node))
    const general: Evaluator = (frame) => callMethod(frame, { object: object(frame), name, args })
    if (name !== 'get' || !isSimple(nodes)) return general
    const [key = () => undefined, otherwise = () => null] = this.#compileAll(nodes.positional)
    // `dict.get('key', default)`, which most templates are about.
    return (frame) => {
      const target = object(frame)
      if (!isPlainDict(target)) return callMethod(frame, { object: target, name, args })
      const field = key(frame)
      if (typeof field !== 'string') return callMethod(frame, { object: target, name, args })
      const fallback = otherwise(frame)
      return Object.hasOwn(target, field) ? operandOf(target[field]) : fallback
    }
  }

  /** @param text stands in for the operand that a filter of a block lacks */
  filter(node: FilterNode, text: Evaluator = () => ''): Evaluator {
    const operand = this.#operandOf(node, text)
    const args = compileArguments(node.args, (part) => this.compile(part))
    const filter = this.#environment.filter(node.name)
    if (filter === undefined) return this.#unknown('filter', node.name)
    return (frame) => {
      const value = operand(frame)
      const { args: rest, keywords } = args(frame)
      frame.budget.charge(1)
      return charged(
        frame,
        callNative<FilterContext>(filter, { args: [value, ...rest], keywords }, frame),
      )
    }
  }

  #operandOf(node: FilterNode, text: Evaluator): Evaluator {
    if (node.operand === undefined) return text
    return node.operand.type === 'filter'
      ? this.filter(node.operand, text)
      : this.compile(node.operand)
  }

  #test(node: TestNode): Evaluator {
    const operand = this.compile(node.operand)
    const args = compileArguments(node.args, (part) => this.compile(part))
    const test = this.#environment.test(node.name)
    if (test === undefined) return this.#unknown('test', node.name)
    return (frame) => {
      const value = operand(frame)
      const { args: rest, keywords } = args(frame)
      return callNative<FilterContext>(test, { args: [value, ...rest], keywords }, frame)
    }
  }

  #unknown(kind: 'filter' | 'test', name: string): Evaluator {
    const error = unknownName(kind, name)
    if (this.#branches === 0) throw error
    return () => {
      throw error
    }
  }
}

function constant(value: Value): Evaluator {
  return () => value
}

function entry(dict: PlainDict, name: string): Value | undefined {
  return dict[name]
}

/** Only positional arguments, one or two. */
function isSimple(args: Arguments): boolean {
  const { positional, keywords, rest, restKeywords } = args
  const isPositional = keywords.length === 0 && rest === undefined && restKeywords === undefined
  return isPositional && (positional.length === 1 || positional.length === 2)
}

function callMethod(
  frame: Frame,
  call: {
    readonly object: Operand
    readonly name: string
    readonly args: ReturnType<typeof compileArguments>
  },
): Operand {
  const { object, name, args } = call
  if (object === undefined || isUndefined(object)) throw undefinedError(object)
  frame.budget.charge(1)
  const method = methodOf(object, name)
  if (method === undefined) {
    return charged(frame, callOperand(getAttribute(object, name, frame.budget), args(frame)))
  }
  const { args: positional, keywords } = args(frame)
  return charged(frame, method(positional, keywords, frame.budget))
}

/** Text that is made costs. */
function charged(frame: Frame, value: Operand): Operand {
  if (typeof value === 'string') frame.budget.chargeText(value.length)
  return value
}
