import { typeError, valueError } from '../value/python-error.ts'
import { truth } from '../value/truth.ts'
import type { Value } from '../value/value.ts'
import { callOperand, compileArguments } from './call.ts'
import type { ExpressionCompiler } from './compile-expression.ts'
import { type Evaluator } from './compile-expression.ts'
import type { Frame } from './frame.ts'
import { setNamespaceAttribute } from './globals.ts'
import { toList } from './iterate.ts'
import { loopObject, type LoopState } from './loop.ts'
import { macroObject, type MacroDefinition } from './macro.ts'
import { escapedText, markup } from './markup.ts'
import {
  isBlock,
  type Body,
  type CallBlockNode,
  type FilterNode,
  type ForNode,
  type IfNode,
  type SetBlockNode,
  type Signature,
  type Statement,
  type Target,
  type WithNode,
  type BlockStatement,
} from './nodes.ts'
import { operandOf, textOfOperand, type Operand } from './operand.ts'
import { Output } from './output.ts'
import { reads } from './walk.ts'

/** Statements, ready to be rendered. */
export type Renderer = (frame: Frame, output: Output) => void

/** Makes closures of the statements of a template. */
export class StatementCompiler {
  readonly #expressions: ExpressionCompiler

  constructor(expressions: ExpressionCompiler) {
    this.#expressions = expressions
  }

  body(statements: Body): Renderer {
    const renderers = statements.map((statement) => this.#statement(statement))
    return (frame, output) => {
      for (const render of renderers) render(frame, output)
    }
  }

  #statement(node: Statement): Renderer {
    if (isBlock(node)) return this.#block(node)
    switch (node.type) {
      case 'data':
        return (_frame, output) => {
          output.write(node.text)
        }
      case 'output':
        return this.#output(this.#expressions.compile(node.expression))
      case 'set':
        return this.#set(node.target, this.#expressions.compile(node.value))
      case 'load':
        return () => {
          throw typeError('There are no other templates to load.')
        }
    }
  }

  #block(node: BlockStatement): Renderer {
    switch (node.type) {
      case 'if':
        return this.#if(node)
      case 'for':
        return this.#for(node)
      case 'set-block':
        return this.#setBlock(node)
      case 'with':
        return this.#with(node)
      case 'macro':
        return this.#macro(node.name, this.#definition(node.name, node))
      case 'call-block':
        return this.#callBlock(node)
      case 'filter-block':
        return this.#filterBlock(node.filter, node.body)
      case 'autoescape':
        return this.#autoescape(this.#expressions.compile(node.enabled), node.body)
      case 'block':
        return this.#with({ type: 'with', values: [], body: node.body })
    }
  }

  #output(value: Evaluator): Renderer {
    return (frame, output) => {
      const shown = value(frame)
      output.write(frame.autoescape ? escapedText(shown) : textOfOperand(shown))
    }
  }

  #if({ branches, otherwise }: IfNode): Renderer {
    return this.#expressions.inBranch(() => {
      const compiled = branches.map(({ test, body }) => ({
        test: this.#expressions.compile(test),
        body: this.body(body),
      }))
      const last = this.body(otherwise)
      return (frame, output) => {
        const branch = compiled.find(({ test }) => truth(test(frame)))
        const render = branch?.body ?? last
        render(frame, output)
      }
    })
  }

  #for(node: ForNode): Renderer {
    const iterable = this.#expressions.compile(node.iterable)
    const loop = this.#loop(node)
    return (frame, output) => {
      loop({ frame, output, depth0: 0 }, iterable(frame))
    }
  }

  #loop(node: ForNode): Loop {
    const assign = this.#assign(node.target)
    const test = node.test && this.#expressions.compile(node.test)
    const body = this.body(node.body)
    const otherwise = this.body(node.otherwise)
    const usesLoop = node.recursive || reads(node.body, 'loop')
    const loop: Loop = (context, iterable) => {
      const { frame, output, depth0 } = context
      const items = passing(frame, toList(iterable, frame.budget), { assign, test })
      const recurse = node.recursive
        ? (inner: Operand) =>
            rendered(frame, (text) => {
              loop({ frame, output: text, depth0: depth0 + 1 }, inner)
            })
        : undefined
      const state: LoopState = { items, index0: 0, depth0, recurse }
      const object = usesLoop ? loopObject(state) : undefined
      for (const [i, item] of items.entries()) {
        state.index0 = i
        frame.budget.charge(1)
        frame.scoped(() => {
          if (object !== undefined) frame.set('loop', object)
          assign(frame, operandOf(item))
          body(frame, output)
        })
      }
      if (items.length === 0) {
        frame.scoped(() => {
          otherwise(frame, output)
        })
      }
    }
    return loop
  }

  #assign(target: Target): (frame: Frame, value: Operand) => void {
    if (target.type === 'name') {
      return (frame, value) => {
        frame.set(target.name, value)
      }
    }
    if (target.type === 'attribute') {
      return (frame, value) => {
        setNamespaceAttribute(frame.variable(target.name), target.attribute, value)
      }
    }
    const parts = target.items.map((item) => this.#assign(item))
    return (frame, value) => {
      const items = toList(value, frame.budget)
      if (items.length !== parts.length) {
        throw valueError(`expected ${parts.length} values to unpack, got ${items.length}`)
      }
      for (const [i, assign] of parts.entries()) assign(frame, operandOf(items[i]))
    }
  }

  #set(target: Target, value: Evaluator): Renderer {
    const assign = this.#assign(target)
    return (frame) => {
      assign(frame, value(frame))
    }
  }

  #setBlock(node: SetBlockNode): Renderer {
    const assign = this.#assign(node.target)
    const body = this.body(node.body)
    const text: Evaluator = (frame) => {
      const value = captured(frame, body)
      return frame.autoescape ? markup(value) : value
    }
    const value = node.filter === undefined ? text : this.#expressions.filter(node.filter, text)
    return (frame) => {
      assign(frame, value(frame))
    }
  }

  #with(node: WithNode): Renderer {
    const values = node.values.map(({ target, value }) => ({
      assign: this.#assign(target),
      value: this.#expressions.compile(value),
    }))
    const body = this.body(node.body)
    return (frame, output) => {
      const evaluated = values.map(({ value }) => value(frame))
      frame.scoped(() => {
        for (const [i, { assign }] of values.entries()) assign(frame, evaluated[i])
        body(frame, output)
      })
    }
  }

  #definition(name: string, node: Signature & { readonly body: Body }): MacroDefinition {
    return {
      name,
      parameters: node.parameters.map((parameter) => ({
        name: parameter.name,
        otherwise: parameter.otherwise && this.#expressions.compile(parameter.otherwise),
      })),
      takesCaller: reads(node.body, 'caller'),
      takesVarargs: reads(node.body, 'varargs'),
      takesKwargs: reads(node.body, 'kwargs'),
      render: this.body(node.body),
    }
  }

  #macro(name: string, definition: MacroDefinition): Renderer {
    return (frame) => {
      frame.set(name, macroObject(definition, frame))
    }
  }

  #callBlock(node: CallBlockNode): Renderer {
    const callee = this.#expressions.compile(node.call.callee)
    const args = compileArguments(node.call.args, (part) => this.#expressions.compile(part))
    const definition = this.#definition('caller', node)
    return (frame, output) => {
      const value = callee(frame)
      const callArguments = args(frame)
      const keywords = new Map<string, Operand>(callArguments.keywords ?? [])
      keywords.set('caller', macroObject(definition, frame))
      frame.budget.charge(1)
      output.write(textOfOperand(callOperand(value, { args: callArguments.args, keywords })))
    }
  }

  #filterBlock(filter: FilterNode, statements: Body): Renderer {
    const body = this.body(statements)
    const value = this.#expressions.filter(filter, (frame) => captured(frame, body))
    return (frame, output) => {
      output.write(textOfOperand(value(frame)))
    }
  }

  #autoescape(enabled: Evaluator, statements: Body): Renderer {
    const body = this.body(statements)
    return (frame, output) => {
      const before = frame.autoescape
      frame.autoescape = truth(enabled(frame))
      try {
        frame.scoped(() => {
          body(frame, output)
        })
      } finally {
        frame.autoescape = before
      }
    }
  }
}

type Loop = (
  context: { readonly frame: Frame; readonly output: Output; readonly depth0: number },
  iterable: Operand,
) => void

/** The items that the test of the loop lets through. */
function passing(
  frame: Frame,
  items: readonly Value[],
  filter: {
    readonly assign: (frame: Frame, value: Operand) => void
    readonly test: Evaluator | undefined
  },
): readonly Value[] {
  const { assign, test } = filter
  if (test === undefined) return items
  return items.filter((item) =>
    frame.scoped(() => {
      assign(frame, operandOf(item))
      return truth(test(frame))
    }),
  )
}

function captured(frame: Frame, render: Renderer): string {
  return frame.scoped(() =>
    rendered(frame, (output) => {
      render(frame, output)
    }),
  )
}

function rendered(frame: Frame, render: (output: Output) => void): string {
  const output = new Output()
  frame.budget.nested(() => {
    render(output)
  })
  return output.text
}
