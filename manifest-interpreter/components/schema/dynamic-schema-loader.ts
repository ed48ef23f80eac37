import { component, field, optionalComponent } from '../../definition.ts'
import { dictOf, entries, isEmpty } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { truth } from '../../value/truth.ts'
import { auxiliaryRecords } from '../query-properties/auxiliary-records.ts'
import { schemaTypeIdentifier } from './schema-type-identifier.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { RecordFilter, RecordScope, SchemaLoader, Transformation } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** DynamicSchemaLoader: the schema is made from the first record that a retriever gives. */
export function dynamicSchemaLoader(definition: PlainDict, builder: Builder): SchemaLoader {
  // All of them share the cached responses of this name.
  const context: BuildContext = { streamName: 'dynamic_properties' }
  const records = auxiliaryRecords(retrieverOf(definition), builder, context)
  const identifier = schemaTypeIdentifier(component(definition, 'schema_type_identifier'), builder)
  const transformations = builder.buildAll(
    'transformation',
    field(definition, 'schema_transformations'),
    context,
  )
  const filterDefinition = optionalComponent(definition, 'schema_filter')
  const filter =
    filterDefinition === undefined
      ? undefined
      : builder.build('recordFilter', filterDefinition, context)
  return {
    async schema() {
      const record = await firstRecord(records())
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

function retrieverOf(definition: PlainDict): PlainDict {
  const retriever = component(definition, 'retriever')
  if (retriever.type === 'AsyncRetriever' && truth(field(retriever, 'partition_router') ?? null))
    throw valueError(
      'DynamicSchemaLoader reads the first record only: remove the partition_router of its AsyncRetriever, whose other jobs would be lost.',
    )
  return retriever
}

/** Later pages are not requested. */
async function firstRecord(batches: AsyncIterable<readonly Dict[]>): Promise<Dict | undefined> {
  for await (const [record] of batches) return record
  return undefined
}

const scope: RecordScope = { slice: StreamSlice.empty, nextPageToken: null }

/** The filter sees each property as a record of one field. */
function filtered(properties: Dict, filter: RecordFilter | undefined): Dict {
  if (filter === undefined) return properties
  return dictOf(entries(properties).filter((entry) => filter.keeps(dictOf([entry]), scope)))
}

function transformed(properties: Dict, transformations: readonly Transformation[]): Dict {
  return transformations.reduce((dict, step) => step.transform(dict, scope), properties)
}
