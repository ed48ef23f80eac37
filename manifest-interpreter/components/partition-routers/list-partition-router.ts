import { field, optionalComponent, parametersOf, text } from '../../definition.ts'
import { dictOf, isDict, keys } from '../../value/dict.ts'
import { typeError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { typeName } from '../../value/type-name.ts'
import { PySet, PyTuple, type PlainDict, type Value } from '../../value/value.ts'
import { compileRequestOption } from '../requesters/request-option.ts'
import { routedOptions } from './routed-options.ts'
import type { Builder } from '../../component.ts'
import type { PartitionRouter } from '../../contracts.ts'

/** ListPartitionRouter: a partition for each value of a list. */
export function listPartitionRouter(definition: PlainDict, builder: Builder): PartitionRouter {
  const { config, templates } = builder
  const parameters = parametersOf(definition)
  const compiled = templates.string(text(definition, 'cursor_field'), { parameters })
  const name = () => compiled({ config })
  const option = optionalComponent(definition, 'request_option')
  const listed = field(definition, 'values') ?? null
  const values =
    typeof listed === 'string' ? templates.string(listed, { parameters })({ config }) : listed
  return {
    ...routedOptions([
      {
        field: name,
        option: option === undefined ? undefined : compileRequestOption(option, builder),
      },
    ]),
    // eslint-disable-next-line @typescript-eslint/require-await -- the role is asynchronous, a list is not
    slices: async function* () {
      for (const value of iterate(values))
        yield new StreamSlice({ partition: dictOf([[name(), value]]) })
    },
    parentState: () => null,
    parents: () => [],
  }
}

/** The items of a value as a Python `for` iterates over them. */
function iterate(values: Value): Iterable<Value> {
  if (Array.isArray(values)) return values
  if (values instanceof PyTuple || values instanceof PySet) return values.items
  if (typeof values === 'string') return values
  if (isDict(values)) return keys(values)
  throw typeError(`'${typeName(values)}' object is not iterable`)
}
