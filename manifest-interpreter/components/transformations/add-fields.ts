import { list, optionalText, parametersOf, text } from '../../definition.ts'
import { isPlainDict, set } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { copyValue } from './copy-value.ts'
import { create } from './dpath.ts'
import { validTypesOf } from './value-type.ts'
import type { Builder } from '../../component.ts'
import type { Transformation } from '../../contracts.ts'
import type { Evaluate } from '../../interpolation/template-compiler.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** AddFields: sets fields to the values of templates, in order: a later one sees the earlier ones. */
export function addFields(definition: PlainDict, builder: Builder): Transformation {
  const fields = list(definition, 'fields')
    .filter(isPlainDict)
    .map((field) => compileField(field, builder))
  const condition = compileCondition(definition, builder)
  // One scope for all records: templates are evaluated one after the other.
  const scope: FieldScope = { config: builder.config, record: null, stream_slice: undefined }
  return {
    transform(record, { slice }) {
      scope.record = record
      scope.stream_slice = slice
      for (const field of fields) {
        const value = field.value(scope)
        if (condition?.({ ...scope, value, path: field.path }) !== false) field.add(record, value)
      }
      return record
    },
  }
}

interface FieldScope extends Record<string, Value | StreamSlice | undefined> {
  readonly config: Dict
  record: Value
  stream_slice: StreamSlice | undefined
}

interface AddedField {
  readonly path: Value[]
  readonly value: Evaluate
  readonly add: (record: Dict, value: Value) => void
}

function compileField(definition: PlainDict, builder: Builder): AddedField {
  const path = [...list(definition, 'path')]
  const [first] = path
  if (first === undefined) throw valueError('AddFields needs a path of at least one field.')
  const validTypes = validTypesOf(definition)
  const value = builder.templates.string(text(definition, 'value'), {
    parameters: parametersOf(definition),
    ...(validTypes && { validTypes }),
  })
  // A value that is a list or an object may be that of another record or of the template.
  const add =
    path.length === 1
      ? (record: Dict, added: Value) => {
          set(record, first, copyValue(added))
        }
      : (record: Dict, added: Value) => {
          create(record, path, copyValue(added))
        }
  return { path, value, add }
}

function compileCondition(definition: PlainDict, builder: Builder): Evaluate<boolean> | undefined {
  const condition = optionalText(definition, 'condition')
  if (condition === undefined || condition === '') return undefined
  return builder.templates.boolean(condition, { parameters: parametersOf(definition) })
}
