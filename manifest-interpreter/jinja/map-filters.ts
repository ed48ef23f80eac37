import { textOf } from '../value/hashable.ts'
import { valueError, typeError } from '../value/python-error.ts'
import { truth } from '../value/truth.ts'
import type { Keywords, Value } from '../value/value.ts'
import { attributeReader } from './attribute-path.ts'
import { filterTable, type Filter, type FilterContext, type Filters } from './filter.ts'
import { generator, iterate } from './iterate.ts'
import { entryOf, operandOf, type Operand } from './operand.ts'

/** map, select, reject, selectattr and rejectattr: generators that apply a filter or a test to each item. */

interface Call {
  readonly args: readonly Operand[]
  readonly keywords: Keywords
  readonly context: FilterContext
}

function* mapped(value: Operand, call: Call): Generator<Value> {
  if (!truth(value)) return
  const apply = mapper(call)
  for (const item of iterate(value)) {
    call.context.budget.charge(1)
    yield entryOf(apply(operandOf(item)))
  }
}

function mapper({ args, keywords, context }: Call): (item: Operand) => Operand {
  if (args.length === 0 && keywords?.has('attribute') === true) {
    for (const name of keywords.keys()) {
      if (name !== 'attribute' && name !== 'default') {
        throw valueError(`Unexpected keyword argument '${name}'`)
      }
    }
    const otherwise = keywords.has('default') ? keywords.get('default') : null
    return attributeReader(keywords.get('attribute'), context, otherwise)
  }
  const [name, ...rest] = args
  if (args.length === 0) throw valueError('map requires a filter argument')
  const filter = nameOf(name)
  return (item) => context.filter(filter, { args: [item, ...rest], keywords })
}

function nameOf(value: Operand): string {
  const text = textOf(value)
  if (text === undefined) throw typeError('The name of a filter or test must be a text.')
  return text
}

function* chosen(
  value: Operand,
  call: Call & { readonly keeps: boolean; readonly byAttribute: boolean },
): Generator<Value> {
  if (!truth(value)) return
  const { context, keywords, byAttribute } = call
  if (byAttribute && call.args.length === 0) {
    throw valueError('Missing parameter for attribute name')
  }
  const read = byAttribute ? attributeReader(call.args[0], context) : (item: Operand) => item
  const args = byAttribute ? call.args.slice(1) : call.args
  const [name, ...rest] = args
  const test = args.length === 0 ? undefined : nameOf(name)
  for (const item of iterate(value)) {
    context.budget.charge(1)
    const operand = read(operandOf(item))
    const passes =
      test === undefined
        ? truth(operand)
        : context.test(test, { args: [operand, ...rest], keywords })
    if (passes === call.keeps) yield item
  }
}

function chooser(keeps: boolean, byAttribute: boolean): Filter {
  return {
    required: ['value'],
    rest: true,
    restKeywords: true,
    run: ([value, ...args], context, keywords) =>
      generator('select_or_reject', chosen(value, { args, keywords, context, keeps, byAttribute })),
  }
}

export const mapFilters: Filters = filterTable({
  map: {
    required: ['value'],
    rest: true,
    restKeywords: true,
    run: ([value, ...args], context, keywords) =>
      generator('sync_do_map', mapped(value, { args, keywords, context })),
  },
  select: chooser(true, false),
  reject: chooser(false, false),
  selectattr: chooser(true, true),
  rejectattr: chooser(false, true),
})
