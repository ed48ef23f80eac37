import { rawJson } from '../../protocol/exact-json.ts'
import type { RecordValue } from '../../protocol/index.ts'
import { PyDate, PyDateTime } from './py-datetime.ts'
import { entries, isDict, isPlainDict } from './dict.ts'
import { textOf } from './hashable.ts'
import { ellipsis } from './literal-eval.ts'
import { typeError } from './python-error.ts'
import { floatText, str } from './text.ts'
import { typeName } from './type-name.ts'
import { PyFloat, PySet, PyTuple, type Dict, type Value } from './value.ts'

/**
 * A value as a record holds it: the value itself if nothing in it needs another form, which is so for nearly
 * all records. Integral floats keep their `.0`, tuples become lists, keys become text, times ISO 8601. Throws
 * a TypeError for bytes, which JSON does not have.
 */
export function toRecordValue(value: Value): RecordValue {
  return isRecordValue(value) ? value : converted(value)
}

function isRecordValue(value: Value): value is Value & RecordValue {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isRecordValue)
  if (!isPlainDict(value)) return false
  for (const key in value) {
    const item = value[key]
    if (typeof item === 'object' && !isRecordValue(item)) return false
  }
  return true
}

function converted(value: Value): RecordValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(converted)
  if (value instanceof PyTuple || value instanceof PySet) return value.items.map(converted)
  if (value instanceof PyFloat) return rawJson(floatText(value.value))
  if (value instanceof PyDateTime || value instanceof PyDate) return value.isoFormat()
  return isDict(value) ? convertedDict(value) : convertedOther(value)
}

function convertedOther(value: Value): RecordValue {
  // The text `...` is a literal, so a template turns it into one.
  if (value === ellipsis) return '...'
  const text = textOf(value)
  if (text !== undefined) return text
  throw typeError(`Type is not JSON serializable: ${typeName(value)}`)
}

function convertedDict(dict: Dict): RecordValue {
  return Object.fromEntries(entries(dict).map(([key, item]) => [keyText(key), converted(item)]))
}

/** As JSON spells it. */
function keyText(key: Value): string {
  return key === null || typeof key === 'boolean' ? String(key) : str(key)
}
