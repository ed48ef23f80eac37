import { entries, isDict } from '../value/dict.ts'
import { compareCodePoints } from '../../lib/text/compare-code-points.ts'
import { repr } from '../value/text.ts'
import { PyTuple, type Value } from '../value/value.ts'

const width = 80

/**
 * pprint.pformat: a value that does not fit on a line gets a line for each entry; dicts are sorted. Long
 * texts are not broken.
 */
export function prettyRepr(value: Value): string {
  return pretty(value, 0, 0)
}

/** @param allowance what follows on the last line */
function pretty(value: Value, indent: number, allowance: number): string {
  const flat = repr(sortedDicts(value))
  if (flat.length <= width - indent - allowance) return flat
  if (isDict(value)) return prettyDict(value, indent, allowance)
  if (Array.isArray(value)) return prettyItems(value, { open: '[', close: ']', indent, allowance })
  if (value instanceof PyTuple) {
    const close = value.items.length === 1 ? ',)' : ')'
    return prettyItems(value.items, { open: '(', close, indent, allowance })
  }
  return flat
}

function prettyItems(
  items: readonly Value[],
  shape: {
    readonly open: string
    readonly close: string
    readonly indent: number
    readonly allowance: number
  },
): string {
  const indent = shape.indent + 1
  const lines = items.map((item, i) => {
    const isLast = i === items.length - 1
    return pretty(item, indent, isLast ? shape.allowance + shape.close.length : 1)
  })
  return shape.open + lines.join(`,\n${' '.repeat(indent)}`) + shape.close
}

function prettyDict(value: Value, indent: number, allowance: number): string {
  const items = isDict(value) ? sortedEntries(entries(value)) : []
  const lines = items.map(([key, item], i) => {
    const label = `${repr(key)}: `
    const isLast = i === items.length - 1
    return label + pretty(item, indent + 1 + label.length, isLast ? allowance + 1 : 1)
  })
  return `{${lines.join(`,\n${' '.repeat(indent + 1)}`)}}`
}

function sortedEntries(items: readonly (readonly [Value, Value])[]): (readonly [Value, Value])[] {
  return items.toSorted(([a], [b]) => compareCodePoints(keyText(a), keyText(b)))
}

function keyText(key: Value): string {
  return typeof key === 'string' ? key : repr(key)
}

function sortedDicts(value: Value): Value {
  if (Array.isArray(value)) return value.map(sortedDicts)
  if (!isDict(value)) return value
  return new Map(sortedEntries(entries(value)).map(([key, item]) => [key, sortedDicts(item)]))
}
