import { component, field, list, optionalComponent } from '../../definition.ts'
import { dictOf, entries, isEmpty } from '../../value/dict.ts'
import { PythonError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { truth } from '../../value/truth.ts'
import { withCachedResponses } from '../query-properties/with-cached-responses.ts'
import { schemaTypeIdentifier } from './schema-type-identifier.ts'
import type {
  BuildContext,
  Builder,
  RecordFilter,
  RecordScope,
  Retriever,
  SchemaLoader,
  Transformation,
} from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** DynamicSchemaLoader: the schema is made from the first record that a retriever gives. */
export function dynamicSchemaLoader(definition: PlainDict, builder: Builder): SchemaLoader {
  // All of them share the kept responses of this name.
  const context: BuildContext = { streamName: 'dynamic_properties' }
  const retriever = buildRetriever(component(definition, 'retriever'), builder, context)
  const identifier = schemaTypeIdentifier(component(definition, 'schema_type_identifier'), builder)
  const transformations = builder.buildAll(
    'transformation',
    list(definition, 'schema_transformations').slice(),
    context,
  )
  const filterDefinition = optionalComponent(definition, 'schema_filter')
  const filter =
    filterDefinition === undefined
      ? undefined
      : builder.build('recordFilter', filterDefinition, context)
  return {
    async schema() {
      const record = await firstRecord(retriever)
      const properties: [Value, Value][] = []
      if (record !== undefined && !isEmpty(record))
        for (const description of identifier.descriptions(record))
          properties.push([identifier.name(description), identifier.schema(description)])
      return {
        $schema: 'https://json-schema.org/draft-07/schema#',
        type: 'object',
        additionalProperties: true,
        properties: transformed(filtered(dictOf(properties), filter), transformations),
      }
    },
  }
}

function buildRetriever(definition: PlainDict, builder: Builder, context: BuildContext): Retriever {
  if (definition.type === 'AsyncRetriever' && truth(field(definition, 'partition_router') ?? null))
    throw new PythonError(
      'ValueError',
      'DynamicSchemaLoader reads the first record only: remove the partition_router of its AsyncRetriever, whose other jobs would be lost.',
    )
  return builder.build('retriever', withCachedResponses(definition), context)
}

/** Later pages are not asked for. */
async function firstRecord(retriever: Retriever): Promise<Dict | undefined> {
  for await (const [record] of retriever.read(StreamSlice.empty)) return record
  return undefined
}

const scope: RecordScope = { slice: StreamSlice.empty, nextPageToken: null }

/** The filter sees each property as a record of one field. */
function filtered(properties: Dict, filter: RecordFilter | undefined): Dict {
  if (filter === undefined) return properties
  return dictOf(entries(properties).filter((entry) => filter.keeps(dictOf([entry]), scope)))
}

function transformed(properties: Dict, transformations: readonly Transformation[]): Dict {
  for (const transformation of transformations) transformation.transform(properties, scope)
  return properties
}
