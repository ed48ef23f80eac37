import { field } from '../../definition.ts'
import { get } from '../../value/dict.ts'
import { typeError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import { typeName } from '../../value/type-name.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * GroupByKeyMergeStrategy: records of several requests are one if these fields are equal. Null if a field is
 * missing.
 */
export function groupByKey(definition: PlainDict | undefined): (record: Dict) => string | null {
  const key: Value = (definition && field(definition, 'key')) ?? 'id'
  const names = Array.isArray(key) ? key : [key]
  return (record) => {
    const parts: Value[] = []
    for (const name of names) {
      const value = get(record, name) ?? null
      if (!truth(value)) return null
      parts.push(value)
    }
    return parts.map(requireText).join(',')
  }
}

function requireText(value: Value, i: number): string {
  if (typeof value === 'string') return value
  throw typeError(`sequence item ${i}: expected str instance, ${typeName(value)} found`)
}
