import { entries, isDict } from '../value/dict.ts'
import { textOf } from '../value/hashable.ts'
import { typeError } from '../value/python-error.ts'
import { PyObject } from '../value/value.ts'
import type { CallArguments } from './filter.ts'
import type { Frame } from './frame.ts'
import { toList } from './iterate.ts'
import type { Arguments, Expression } from './nodes.ts'
import { isUndefined, typeNameOf, undefinedError, type Operand } from './operand.ts'

type Evaluate = (frame: Frame) => Operand

/** The arguments of a call, ready to be evaluated. */
export function compileArguments(
  args: Arguments,
  compile: (node: Expression) => Evaluate,
): (frame: Frame) => CallArguments {
  const positional = args.positional.map(compile)
  if (args.keywords.length === 0 && args.rest === undefined && args.restKeywords === undefined) {
    return (frame) => ({ args: positional.map((arg) => arg(frame)), keywords: undefined })
  }
  const keywords = args.keywords.map(([name, node]) => [name, compile(node)] as const)
  const rest = args.rest && compile(args.rest)
  const restKeywords = args.restKeywords && compile(args.restKeywords)
  return (frame) => {
    const values = positional.map((arg) => arg(frame))
    if (rest !== undefined) values.push(...toList(rest(frame), frame.budget))
    const named = new Map<string, Operand>()
    for (const [name, value] of keywords) addKeyword(named, name, value(frame))
    if (restKeywords !== undefined) addAll(named, restKeywords(frame))
    return { args: values, keywords: named }
  }
}

function addKeyword(named: Map<string, Operand>, name: string, value: Operand): void {
  if (named.has(name)) throw typeError(`got multiple values for keyword argument '${name}'`)
  named.set(name, value)
}

function addAll(named: Map<string, Operand>, value: Operand): void {
  const dict = value instanceof PyObject ? value.traits.mapping?.() : value
  if (!isDict(dict)) throw typeError('argument after ** must be a mapping')
  for (const [key, item] of entries(dict)) {
    const name = textOf(key)
    if (name === undefined) throw typeError('keywords must be strings')
    addKeyword(named, name, item)
  }
}

export function callOperand(value: Operand, { args, keywords }: CallArguments): Operand {
  if (value === undefined || isUndefined(value)) throw undefinedError(value)
  const call = value instanceof PyObject ? value.traits.call : undefined
  if (call === undefined) throw typeError(`'${typeNameOf(value)}' object is not callable`)
  return call(args, keywords)
}
