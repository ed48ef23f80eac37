import type { Builder } from '../../component.ts'
import type { Cursor, PartitionRouter } from '../../contracts.ts'
import { field, flag, optionalDict } from '../../definition.ts'
import { get, isPlainDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import { perPartitionRequestOptions } from './cursor-request-options.ts'
import {
  datetimeBasedCursor,
  datetimeRequestOptions,
  type CursorContext,
} from './datetime-based-cursor.ts'
import { finalStateCursor } from './final-state-cursor.ts'
import { incrementingCountCursor } from './incrementing-count-cursor.ts'
import { PerPartitionCursor } from './per-partition-cursor.ts'
import { migrateState } from './migrate-state.ts'

export interface CursorOptions {
  readonly builder: Builder
  /** The stream's `incremental_sync`; null if it has none. */
  readonly definition: PlainDict | null
  /** The definition of the stream. */
  readonly stream: PlainDict
  readonly streamName: string
  readonly partitionRouter: PartitionRouter | null
  /** The input state of the stream. */
  readonly state: Dict | null
  readonly emitState: (state: Dict) => void
}

/**
 * Builds the cursor of a stream: a cursor per partition if the stream has partitions, or one that only says
 * that the stream has been read.
 */
export function buildCursor(options: CursorOptions): Cursor {
  const { builder, definition, stream, streamName, partitionRouter, emitState } = options
  const nowMicros = () => builder.environment.nowMicros()
  const state = migrateState(options.state ?? {}, stream, builder)
  if (definition === null) return finalStateCursor({ emitState, nowMicros })
  const context = { builder, definition, stream, streamName }
  const isCount = get(definition, 'type') === 'IncrementingCountCursor'
  if (isCount && partitionRouter !== null)
    throw valueError(
      `The low-code framework does not currently support usage of a PartitionRouter and an IncrementingCountCursor at the same time. Please specify only one of these options for stream ${streamName}.`,
    )
  if (isCount) return incrementingCountCursor(context, state, emitState)
  return partitionRouter === null
    ? datetimeBasedCursor(context).create(state, null, emitState)
    : perPartitionCursor(context, partitionRouter, { state, emitState })
}

function perPartitionCursor(
  context: CursorContext,
  router: PartitionRouter,
  { state, emitState }: { readonly state: Dict; readonly emitState: (state: Dict) => void },
): Cursor {
  const { builder, definition, stream, streamName } = context
  const { environment } = builder
  const retriever = optionalDict(stream, 'retriever') ?? {}
  const routerDefinition = get(retriever, 'partition_router')
  return new PerPartitionCursor({
    factory: datetimeBasedCursor(context),
    router,
    state,
    // The partitions of a group change from read to read: a state of one would be of no use.
    useGlobalCursor:
      isGrouping(routerDefinition) || flag(definition, 'global_substream_cursor', false),
    emitState,
    nowMicros: () => environment.nowMicros(),
    requestOptions: perPartitionRequestOptions(router, datetimeRequestOptions(context)),
    warn: (message) => {
      environment.logger.warn({ stream: streamName }, message)
    },
  })
}

function isGrouping(router: Value | undefined): boolean {
  return isPlainDict(router) && field(router, 'type') === 'GroupingPartitionRouter'
}
