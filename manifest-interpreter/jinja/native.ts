import { typeError } from '../value/python-error.ts'
import { PyObject, type Keywords } from '../value/value.ts'
import type { Budget } from './budget.ts'
import type { Operand } from './operand.ts'

/** A function written here that templates call. Its arguments are bound as Python binds them. */
export interface Native<Context> {
  /** Parameters that must be given, in order. */
  readonly required?: readonly string[]
  /** The optional parameters, in order, with their defaults. */
  readonly optional?: Readonly<Record<string, Operand>>
  /** Takes any more positional arguments, behind the named ones. */
  readonly rest?: boolean
  /** Takes any keyword arguments. */
  readonly restKeywords?: boolean
  readonly run: (args: readonly Operand[], context: Context, keywords: Keywords) => Operand
}

/** Calls it with arguments as a template gives them. Throws a TypeError if they do not fit. */
export function callNative<Context>(
  native: Native<Context>,
  call: { readonly args: readonly Operand[]; readonly keywords: Keywords },
  context: Context,
): Operand {
  const { args, keywords } = call
  const required = native.required ?? []
  const isBound =
    keywords === undefined && native.optional === undefined && args.length === required.length
  return native.run(isBound ? args : bind(native, args, keywords), context, keywords)
}

function bind<Context>(
  native: Native<Context>,
  args: readonly Operand[],
  keywords: Keywords,
): readonly Operand[] {
  const required = native.required ?? []
  const optional = Object.entries(native.optional ?? {})
  const names = [...required, ...optional.map(([name]) => name)]
  if (args.length > names.length && native.rest !== true) {
    throw typeError(`takes ${names.length} arguments but ${args.length} were given`)
  }
  const bound: Operand[] = names.map((name, i) => {
    if (i < args.length) {
      if (keywords?.has(name) === true) throw typeError(`got multiple values for '${name}'`)
      return args[i]
    }
    if (keywords?.has(name) === true) return keywords.get(name)
    const otherwise = optional[i - required.length]
    if (i < required.length || otherwise === undefined) throw typeError(`'${name}' is missing`)
    return otherwise[1]
  })
  for (const name of native.restKeywords === true ? [] : (keywords?.keys() ?? [])) {
    if (!names.includes(name)) throw typeError(`got an unexpected keyword argument '${name}'`)
  }
  return [...bound, ...args.slice(names.length)]
}

/** A function as a value. */
export function functionObject(name: string, native: Native<Budget>, budget: Budget): PyObject {
  return new PyObject({
    type: 'function',
    repr: () => `<function ${name}>`,
    call: (args, keywords) => callNative(native, { args, keywords }, budget),
  })
}
