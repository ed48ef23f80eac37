import {
  component,
  field,
  invalidComponent,
  list,
  optionalComponent,
  optionalText,
} from '../../definition.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { buildCursor } from '../incremental/build-cursor.ts'
import { migrateState } from '../incremental/migrate-state.ts'
import { cartesianProductStreamSlicer } from '../partition-routers/cartesian-product-stream-slicer.ts'
import { buildSchemaLoader } from '../schema/build-schema-loader.ts'
import type { BuildContext, Builder, StreamContext } from '../../component.ts'
import type { PartitionRouter, Stream } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** DeclarativeStream: a stream with its partition router, cursor, retriever and schema. */
export function declarativeStream(definition: PlainDict, source: Builder): Stream {
  const name = optionalText(definition, 'name') ?? ''
  const builder = withMigratedState(definition, source, name)
  const context: BuildContext = { streamName: name }
  const partitionRouter = buildPartitionRouter(component(definition, 'retriever'), builder, context)
  const stream = streamContext(definition, builder, { name, partitionRouter })
  const retriever = builder.build('retriever', component(definition, 'retriever'), {
    ...context,
    stream,
  })
  const { cursor, schemaLoader, incrementalSync } = stream
  return {
    name,
    namespace: undefined,
    primaryKey: primaryKeyOf(name, field(definition, 'primary_key')),
    cursorField: incrementalSync === null ? undefined : cursor.field,
    catalogDefinedCursor: incrementalSync !== null && cursor.catalogDefined,
    supportsFileTransfer: optionalComponent(definition, 'file_uploader') !== undefined,
    blockSimultaneousRead: '',
    schemaLoader,
    cursor,
    retriever,
    // As the reference: only the parents of a stream with partitions and a cursor hold up other streams.
    partitionRouter: incrementalSync === null ? null : partitionRouter,
    slices: () => retriever.slices?.() ?? stream.slices(),
    async *read(slice) {
      await schemaLoader.schema()
      yield* retriever.read(slice)
    },
  }
}

/** The parents of the stream start from its migrated state too. */
function withMigratedState(definition: PlainDict, builder: Builder, name: string): Builder {
  const state = builder.stateOf(name)
  if (state === null || list(definition, 'state_migrations').length === 0) return builder
  return builder.withState(name, migrateState(state, definition, builder))
}

function streamContext(
  definition: PlainDict,
  builder: Builder,
  { name, partitionRouter }: { name: string; partitionRouter: PartitionRouter | null },
): StreamContext {
  const incrementalSync = optionalComponent(definition, 'incremental_sync') ?? null
  const state = builder.stateOf(name)
  const cursor = buildCursor({
    builder,
    definition: incrementalSync,
    stream: definition,
    streamName: name,
    partitionRouter,
    state,
    emitState: (emitted) => {
      builder.emitState(name, emitted)
    },
  })
  return {
    cursor,
    partitionRouter,
    slices: incrementalSync === null ? () => routerSlices(partitionRouter) : () => cursor.slices(),
    requestOptions: incrementalSync === null ? partitionRouter : cursor,
    transformations: builder.buildAll('transformation', field(definition, 'transformations'), {
      streamName: name,
    }),
    schemaLoader: buildSchemaLoader(definition, builder),
    primaryKey: field(definition, 'primary_key') ?? null,
    incrementalSync,
    state,
  }
}

/** The partition router of a retriever's definition; a list of routers is their cartesian product. */
function buildPartitionRouter(
  retriever: PlainDict,
  builder: Builder,
  context: BuildContext,
): PartitionRouter | null {
  const definition = field(retriever, 'partition_router')
  if (definition === undefined || definition === null) return null
  if (Array.isArray(definition) && definition.length === 0) return null
  if (!Array.isArray(definition)) return builder.build('partitionRouter', definition, context)
  return cartesianProductStreamSlicer(definition, builder, context)
}

async function* routerSlices(router: PartitionRouter | null): AsyncIterable<StreamSlice> {
  if (router === null) yield StreamSlice.empty
  else yield* router.slices()
}

/** The key as the catalog shows it: names of top-level fields. */
function primaryKeyOf(name: string, definition: Value | undefined): readonly string[] {
  if (definition === undefined || definition === null) return []
  if (typeof definition === 'string') return [definition]
  if (!Array.isArray(definition))
    throw invalidComponent(`primary_key of stream ${name}`, 'it must be a name or a list of names.')
  const names = definition.map((part) =>
    Array.isArray(part) && part.length === 1 ? (part[0] ?? null) : part,
  )
  // A list that mixes names and paths is refused, as the reference does it.
  const mixed = new Set(definition.map((part) => typeof part)).size > 1
  const texts = names.filter((part) => typeof part === 'string')
  if (mixed || texts.length < names.length)
    throw invalidComponent(
      `primary_key of stream ${name}`,
      'nested keys are not supported. Name top-level fields.',
    )
  return texts
}
