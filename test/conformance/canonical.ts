import { PyFloat, PySet, PyTuple } from '../../manifest-interpreter/value/value.ts'
import { isRawJson } from '../../protocol/index.ts'

/**
 * One text for all values that count as equal: keys sorted, numbers by value (1.0 is 1, digits beyond double
 * precision are kept in integers only), NaN and infinities as null.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return canonicalNumber(value)
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof PyFloat) return canonicalNumber(value.value)
  if (typeof value !== 'object') return JSON.stringify(value)
  if (isRawJson(value)) return canonicalNumber(Number(value.rawJSON))
  if (value instanceof PyTuple || value instanceof PySet) return canonicalJson(value.items)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value)
  const texts = entries.map(
    ([key, inner]) => `${JSON.stringify(String(key))}:${canonicalJson(inner)}`,
  )
  return `{${texts.toSorted().join(',')}}`
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  return Number.isInteger(value) ? BigInt(value).toString() : String(value)
}

/** A record as the reference writes it: without the fields that are null. */
export function withoutNulls(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data
  const entries: [unknown, unknown][] = data instanceof Map ? [...data] : Object.entries(data)
  return new Map(entries.filter(([, value]) => !isNull(value)))
}

function isNull(value: unknown): boolean {
  if (value instanceof PyFloat) return !Number.isFinite(value.value)
  return value === null || (typeof value === 'number' && !Number.isFinite(value))
}

/** A state in which lists of partitions have one order. */
export function canonicalState(state: unknown): string {
  return canonicalJson(sortedPartitions(state))
}

function sortedPartitions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedPartitions)
  if (typeof value !== 'object' || value === null || isRawJson(value) || value instanceof PyFloat)
    return value
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value)
  return new Map(
    entries.map(([key, inner]) => {
      const sorted = sortedPartitions(inner)
      if (key !== 'states' || !Array.isArray(sorted)) return [key, sorted]
      const byPartition = sorted.map((entry: unknown) => [partitionOf(entry), entry] as const)
      const order = byPartition.toSorted(([a], [b]) => (a < b ? -1 : 1))
      return [key, order.map(([, entry]) => entry)]
    }),
  )
}

function partitionOf(entry: unknown): string {
  return canonicalJson(entry instanceof Map ? entry.get('partition') : entry)
}
