import { component } from '../../definition.ts'
import { withKeptResponses } from '../query-properties/auxiliary-records.ts'
import { compileMappings } from './component-mapping.ts'
import type { Builder } from '../../component.ts'
import type { PlainDict } from '../../value/value.ts'
import type { ComponentsResolver } from './components-resolver.ts'

/** HttpComponentsResolver: a stream for each record that a retriever reads. */
export function httpComponentsResolver(
  definition: PlainDict,
  builder: Builder,
  name: string | undefined,
): ComponentsResolver {
  const streamName = name ?? '__http_components_resolver'
  const source = builder.build(
    'stream',
    {
      type: 'DeclarativeStream',
      name: streamName,
      retriever: withKeptResponses(component(definition, 'retriever')),
      schema_loader: { type: 'InlineSchemaLoader', schema: {} },
    },
    { streamName },
  )
  return {
    mappings: compileMappings(definition, builder, {
      allowsCondition: false,
      allowsCreation: false,
    }),
    async *values() {
      for await (const slice of source.slices())
        for await (const records of source.retriever.read(slice))
          for (const record of records) yield { components_values: record, stream_slice: slice }
    },
  }
}
