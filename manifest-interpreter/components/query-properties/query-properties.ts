import { field, list, optionalComponent } from '../../definition.ts'
import { isPlainDict } from '../../value/dict.ts'
import { groupByKey } from './group-by-key-merge-strategy.ts'
import { jsonSchemaPropertySelector } from './json-schema-property-selector.ts'
import { propertiesFromEndpoint } from './properties-from-endpoint.ts'
import { propertyChunking } from './property-chunking.ts'
import { noMerger, recordMerger, type RecordMerger } from './record-merger.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/** QueryProperties: the properties that requests name, in chunks if the API limits them. */
export interface QueryProperties {
  /** The properties of each request of a page, in order. May ask the API for them first. */
  chunks(): AsyncIterable<readonly string[]>
  /** For the records of one page: merges the records of its chunks. */
  newMerger(): RecordMerger
}

/**
 * `context.configuredSchema` is the stream's schema in the configured catalog; absent if there is no catalog.
 */
export function buildQueryProperties(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext & { readonly configuredSchema?: Dict | null },
): QueryProperties {
  const always = texts(definition, 'always_include_properties')
  const chunkingDefinition = optionalComponent(definition, 'property_chunking')
  const chunking = chunkingDefinition && propertyChunking(chunkingDefinition)
  const keyOf = chunkingDefinition && groupByKey(strategyOf(chunkingDefinition))
  const selectorDefinition = optionalComponent(definition, 'property_selector')
  const select = selectorDefinition
    ? jsonSchemaPropertySelector(selectorDefinition, builder, context)
    : () => null
  const propertyList = field(definition, 'property_list') ?? null
  const names = isPlainDict(propertyList)
    ? propertiesFromEndpoint(propertyList, builder)
    : () => Promise.resolve(texts(definition, 'property_list'))
  return {
    async *chunks() {
      const selected = select()
      const properties = await names()
      if (chunking !== undefined) yield* chunking.chunks(properties, { always, selected })
      else yield [...always, ...properties.filter((property) => selected?.has(property) ?? true)]
    },
    newMerger: () => (keyOf === undefined ? noMerger : recordMerger(keyOf)),
  }
}

function strategyOf(chunking: PlainDict): PlainDict | undefined {
  return optionalComponent(chunking, 'record_merge_strategy')
}

function texts(definition: PlainDict, name: string): readonly string[] {
  return list(definition, name).filter((item) => typeof item === 'string')
}
