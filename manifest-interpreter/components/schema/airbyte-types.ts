import { PythonError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** The JSON schemas of the types that a DynamicSchemaLoader may name. */
const types: Readonly<
  Record<
    string,
    { readonly type: string; readonly format?: string; readonly airbyte_type?: string }
  >
> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  date: { type: 'string', format: 'date' },
  timestamp_without_timezone: {
    type: 'string',
    format: 'date-time',
    airbyte_type: 'timestamp_without_timezone',
  },
  timestamp_with_timezone: { type: 'string', format: 'date-time' },
  time_without_timezone: { type: 'string', format: 'time', airbyte_type: 'time_without_timezone' },
  time_with_timezone: { type: 'string', format: 'time', airbyte_type: 'time_with_timezone' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  array: { type: 'array' },
  object: { type: 'object' },
}

/** A new schema of a type, which may be null. */
export function schemaOfType(name: Value): PlainDict {
  if (typeof name !== 'string' || !Object.hasOwn(types, name))
    throw new PythonError(
      'ValueError',
      `Invalid Airbyte data type: ${typeof name === 'string' ? name : typeName(name)}. Map it to one of ${Object.keys(types).join(', ')} in types_mapping.`,
    )
  const { type, ...rest } = types[name] ?? { type: 'string' }
  return { type: ['null', type], ...rest }
}
