import { field, parametersOf } from '../../definition.ts'
import { isInt } from '../../value/number.ts'
import { typeError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import type { Builder } from '../../component.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** The `page_size` of a strategy as the manifest has it: a number, or a template; null if there is none. */
export function pageSizeField(definition: PlainDict): number | string | null {
  const value = field(definition, 'page_size') ?? null
  if (typeof value === 'string') return /^\d+$/.test(value) ? Number(value) : value
  return typeof value === 'number' ? value : null
}

/** The page size, evaluated once with the configuration. */
export function fixedPageSize(definition: PlainDict, builder: Builder): number | null {
  const size = pageSizeField(definition)
  if (typeof size !== 'string') return size
  const parameters = parametersOf(definition)
  return wholeNumber(builder.templates.string(size, { parameters })({ config: builder.config }))
}

export function wholeNumber(size: Value): number {
  if (isInt(size)) return Number(size)
  throw typeError(`page_size must be a whole number, not ${typeName(size)}.`)
}
