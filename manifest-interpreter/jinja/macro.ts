import { dictOf } from '../value/dict.ts'
import { typeError } from '../value/python-error.ts'
import { reprText } from '../value/text.ts'
import { PyObject, PyTuple, type Keywords } from '../value/value.ts'
import type { Evaluator } from './compile-expression.ts'
import type { Frame } from './frame.ts'
import { markup } from './markup.ts'
import { entryOf, type Operand } from './operand.ts'
import { Output } from './output.ts'

export interface MacroDefinition {
  readonly name: string
  readonly parameters: readonly {
    readonly name: string
    readonly otherwise: Evaluator | undefined
  }[]
  /** Which of the special names the body reads. */
  readonly takesCaller: boolean
  readonly takesVarargs: boolean
  readonly takesKwargs: boolean
  readonly render: (frame: Frame, output: Output) => void
}

/** A macro where it was defined: it sees the variables around it as they are when it is called. */
export function macroObject(definition: MacroDefinition, frame: Frame): PyObject {
  frame.openScope()
  const { variables } = frame
  return new PyObject({
    type: 'Macro',
    repr: () => `<Macro ${reprText(definition.name)}>`,
    attribute: (name) => (name === 'name' ? definition.name : undefined),
    call: (args, keywords) =>
      frame.budget.nested(() =>
        frame.scoped(() => {
          bindArguments(definition, frame, { args, keywords })
          const output = new Output()
          definition.render(frame, output)
          return frame.autoescape ? markup(output.text) : output.text
        }, variables),
      ),
  })
}

function bindArguments(
  definition: MacroDefinition,
  frame: Frame,
  { args, keywords }: { readonly args: readonly Operand[]; readonly keywords: Keywords },
): void {
  const left = new Map(keywords ?? [])
  for (const [i, { name, otherwise }] of definition.parameters.entries()) {
    if (i < args.length) frame.set(name, args[i])
    else frame.set(name, left.has(name) ? left.get(name) : otherwise?.(frame))
    if (i >= args.length) left.delete(name)
  }
  bindSpecial(definition, frame, { left, rest: args.slice(definition.parameters.length) })
}

/** Binds the arguments that no parameter takes. */
function bindSpecial(
  definition: MacroDefinition,
  frame: Frame,
  { left, rest }: { readonly left: Map<string, Operand>; readonly rest: readonly Operand[] },
): void {
  const { name, parameters } = definition
  if (definition.takesCaller && !parameters.some((parameter) => parameter.name === 'caller')) {
    frame.set('caller', left.get('caller'))
    left.delete('caller')
  }
  if (definition.takesKwargs) frame.set('kwargs', keywordDict(left))
  else if (left.size > 0) throw typeError(`macro '${name}' takes no such keyword argument`)
  if (definition.takesVarargs) frame.set('varargs', new PyTuple(rest.map(entryOf)))
  else if (rest.length > 0) {
    throw typeError(`macro '${name}' takes not more than ${parameters.length} argument(s)`)
  }
}

function keywordDict(keywords: ReadonlyMap<string, Operand>): Operand {
  return dictOf([...keywords].map(([key, value]) => [key, entryOf(value)] as const))
}
