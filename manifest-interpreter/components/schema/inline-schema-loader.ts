import { optionalDict } from '../../definition.ts'
import type { SchemaLoader } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/** InlineSchemaLoader: the schema is in the manifest. */
export function inlineSchemaLoader(definition: PlainDict): SchemaLoader {
  const schema = Promise.resolve(optionalDict(definition, 'schema') ?? {})
  return { schema: () => schema }
}
