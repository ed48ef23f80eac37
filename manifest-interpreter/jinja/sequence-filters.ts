import { entries, isDict } from '../value/dict.ts'
import { contains, equals } from '../value/equality.ts'
import { requireHashable, textOf } from '../value/hashable.ts'
import { compare, sorted } from '../value/ordering.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { limitLength } from '../value/arithmetic.ts'
import { truth } from '../value/truth.ts'
import { PyObject, PyTuple, type Value } from '../value/value.ts'
import { attributeReader, ignoringCase } from './attribute-path.ts'
import { filterTable, type Filter, type FilterContext, type Filters } from './filter.ts'
import {
  codePoints,
  generator,
  isIterable,
  iterate,
  lengthOf,
  mappingOf,
  toList,
} from './iterate.ts'
import { countArgument, joined } from './methods/string-methods.ts'
import { binary } from './operators.ts'
import {
  entryOf,
  isUndefined,
  operandOf,
  textOfOperand,
  typeNameOf,
  type Operand,
} from './operand.ts'

/** Jinja's filters on lists, dicts and other sequences. */

function length(value: Operand): Value {
  const size = lengthOf(value)
  if (size === undefined) throw typeError(`object of type '${typeNameOf(value)}' has no len()`)
  return size
}

function first(value: Operand): Operand {
  for (const item of iterate(value)) return operandOf(item)
  return undefined
}

function last(value: Operand, { budget }: FilterContext): Operand {
  if (
    value instanceof PyObject &&
    value.traits.iterate !== undefined &&
    value.traits.size === undefined
  ) {
    throw typeError(`'${value.traits.type}' object is not reversible`)
  }
  return operandOf(toList(value, budget).at(-1))
}

/** The values of several attributes are compared as a list. */
function sortKey(
  attribute: Operand,
  caseSensitive: Operand,
  context: FilterContext,
): (item: Value) => Value {
  const text = textOf(attribute)
  const readers = (text === undefined ? [attribute] : text.split(',')).map((part) =>
    attributeReader(part, context),
  )
  const keep = truth(caseSensitive)
  return (item) => readers.map((read) => entryOf(keep ? read(item) : ignoringCase(read(item))))
}

function extreme(operator: '<' | '>'): Filter {
  return {
    required: ['value'],
    optional: { case_sensitive: false, attribute: null },
    run: ([value, caseSensitive, attribute], context) => {
      const read = attributeReader(attribute, context)
      const keyOf = (item: Value): Value =>
        entryOf(truth(caseSensitive) ? read(item) : ignoringCase(read(item)))
      const [start, ...rest] = toList(value, context.budget)
      if (start === undefined) return undefined
      let best = { item: start, key: keyOf(start) }
      for (const item of rest) {
        const key = keyOf(item)
        if (compare(operator, key, best.key)) best = { item, key }
      }
      return operandOf(best.item)
    },
  }
}

function groupBy(args: readonly Operand[], context: FilterContext): Value {
  const [value, attribute, otherwise, caseSensitive] = args
  const read = attributeReader(attribute, context, otherwise)
  const keep = truth(caseSensitive)
  const keyOf = (item: Value): Value => entryOf(keep ? read(item) : ignoringCase(read(item)))
  const groups: { key: Value; items: Value[] }[] = []
  for (const item of sorted(toList(value, context.budget), { key: keyOf })) {
    const key = keyOf(item)
    const group = groups.at(-1)
    if (group !== undefined && equals(group.key, key)) group.items.push(item)
    else groups.push({ key, items: [item] })
  }
  return groups.map(({ key, items }) => {
    const [first = null] = items
    return groupTuple(keep ? key : entryOf(read(first)), items)
  })
}

/** A pair that has names, too: `group.grouper` and `group.list`. */
function groupTuple(key: Value, items: Value[]): PyObject {
  const pair = new PyTuple([key, items])
  return new PyObject({
    type: '_GroupTuple',
    size: () => 2,
    iterate: () => pair.items.values(),
    entry: (position) => (typeof position === 'number' ? pair.items.at(position) : undefined),
    attribute: (name) =>
      new Map<string, Value>([
        ['grouper', key],
        ['list', items],
      ]).get(name),
    repr: () => textOfOperand(pair),
  })
}

function* unique(args: readonly Operand[], context: FilterContext): Generator<Value> {
  const [value, caseSensitive, attribute] = args
  const read = attributeReader(attribute, context)
  const seenTexts = new Set<string>()
  const seen: Value[] = []
  for (const item of iterate(value)) {
    const key = entryOf(truth(caseSensitive) ? read(item) : ignoringCase(read(item)))
    if (typeof key === 'string') {
      if (seenTexts.has(key)) continue
      seenTexts.add(key)
    } else {
      requireHashable(key)
      context.budget.charge(seen.length)
      if (contains(seen, key)) continue
      seen.push(key)
    }
    yield item
  }
}

function* slices(
  [value, count, fill]: readonly Operand[],
  context: FilterContext,
): Generator<Value> {
  const items = toList(value, context.budget)
  const number = countArgument(count)
  if (number === 0) {
    throw new PythonError('ZeroDivisionError', 'integer division or modulo by zero')
  }
  const each = Math.floor(items.length / number)
  const longer = items.length % number
  let position = 0
  for (let i = 0; i < number; i++) {
    context.budget.charge(1)
    const size = each + (i < longer ? 1 : 0)
    const part = items.slice(position, position + size)
    position += size
    if (fill !== null && i >= longer) part.push(entryOf(fill))
    yield part
  }
}

function* batches(
  [value, count, fill]: readonly Operand[],
  context: FilterContext,
): Generator<Value> {
  const size = countArgument(count)
  limitLength(size)
  let batch: Value[] = []
  for (const item of iterate(value)) {
    context.budget.charge(1)
    if (batch.length === size) {
      yield batch
      batch = []
    }
    batch.push(item)
  }
  if (batch.length === 0) return
  if (fill !== null) {
    context.budget.charge(size)
    while (batch.length < size) batch.push(entryOf(fill))
  }
  yield batch
}

function reversed(value: Operand, { budget }: FilterContext): Value {
  const text = textOf(value)
  if (text !== undefined) return codePoints(text).toReversed().join('')
  if (!isIterable(value)) throw valueError('argument must be iterable')
  return generator('reversed', toList(value, budget).reverse())
}

function sum(args: readonly Operand[], context: FilterContext): Operand {
  const [value, attribute, start] = args
  const read = attributeReader(attribute, context)
  let total: Operand = start
  if (textOf(start) !== undefined) {
    throw typeError("sum() can't sum strings [use ''.join(seq) instead]")
  }
  for (const item of iterate(value)) total = binary('+', total, read(operandOf(item)))
  return total
}

function join([value, separator, attribute]: readonly Operand[], context: FilterContext): Value {
  const read = attributeReader(attribute, context)
  const items = toList(value, context.budget)
  return joined(
    textOfOperand(separator),
    items.map((item) =>
      textOfOperand(attribute === null ? operandOf(item) : read(operandOf(item))),
    ),
  )
}

function dictSort(args: readonly Operand[]): Value {
  const [value, caseSensitive, by, reverse] = args
  if (by !== 'key' && by !== 'value') {
    throw valueError('You can only sort by either "key" or "value"')
  }
  const dict = mappingOf(value)
  const position = by === 'key' ? 0 : 1
  const pairs = entries(dict).map((entry) => new PyTuple(entry))
  return sorted(pairs, {
    reverse: truth(reverse),
    key: (pair) => {
      const key = pair instanceof PyTuple ? pair.items[position] : undefined
      return entryOf(truth(caseSensitive) ? key : ignoringCase(key))
    },
  })
}

function items(value: Operand): Value {
  if (value === undefined || isUndefined(value)) return generator('do_items', [])
  const dict = value instanceof PyObject ? value.traits.mapping?.() : value
  if (!isDict(dict)) throw typeError('Can only get item pairs from a mapping.')
  return generator(
    'do_items',
    entries(dict).map((entry) => new PyTuple(entry)),
  )
}

export const sequenceFilters: Filters = filterTable({
  length: { required: ['obj'], run: ([value]) => length(value) },
  count: { required: ['obj'], run: ([value]) => length(value) },
  first: { required: ['seq'], run: ([value]) => first(value) },
  last: { required: ['seq'], run: ([value], context) => last(value, context) },
  random: { required: ['seq'], run: ([value], context) => pick(toList(value, context.budget)) },
  list: { required: ['value'], run: ([value], { budget }) => toList(value, budget) },
  reverse: { required: ['value'], run: ([value], context) => reversed(value, context) },
  sort: {
    required: ['value'],
    optional: { reverse: false, case_sensitive: false, attribute: null },
    run: ([value, reverse, caseSensitive, attribute], context) =>
      sorted(toList(value, context.budget), {
        key: sortKey(attribute, caseSensitive, context),
        reverse: truth(reverse),
      }),
  },
  unique: {
    required: ['value'],
    optional: { case_sensitive: false, attribute: null },
    run: (args, context) => generator('sync_do_unique', unique(args, context)),
  },
  min: extreme('<'),
  max: extreme('>'),
  groupby: {
    required: ['value', 'attribute'],
    optional: { default: null, case_sensitive: false },
    run: groupBy,
  },
  slice: {
    required: ['value', 'slices'],
    optional: { fill_with: null },
    run: (args, context) => generator('sync_do_slice', slices(args, context)),
  },
  batch: {
    required: ['value', 'linecount'],
    optional: { fill_with: null },
    run: (args, context) => generator('do_batch', batches(args, context)),
  },
  sum: { required: ['iterable'], optional: { attribute: null, start: 0 }, run: sum },
  join: { required: ['value'], optional: { d: '', attribute: null }, run: join },
  dictsort: {
    required: ['value'],
    optional: { case_sensitive: false, by: 'key', reverse: false },
    run: dictSort,
  },
  items: { required: ['value'], run: ([value]) => items(value) },
})

function pick(list: readonly Value[]): Operand {
  return operandOf(list[Math.floor(Math.random() * list.length)])
}
