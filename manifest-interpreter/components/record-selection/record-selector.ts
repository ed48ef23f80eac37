import { setImmediate } from 'node:timers/promises'
import { SourceError } from '../../contracts.ts'
import { component, flag, optionalComponent, optionalText, parametersOf } from '../../definition.ts'
import { get, isDict } from '../../value/dict.ts'
import { typeName } from '../../value/type-name.ts'
import { isPathDecoder } from '../decoders/json-decoder.ts'
import { isDropped } from '../extractors/dropped-record.ts'
import { copyDict } from '../transformations/copy-value.ts'
import { compileCondition, conditionOf } from './record-filter.ts'
import { schemaNormalization } from './schema-normalization.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type {
  Cursor,
  Decoder,
  RecordScope,
  RecordSelector,
  SchemaNormalizer,
  SelectedBatch,
  Transformation,
} from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * RecordSelector: extracts the records of a response, filters them, transforms them and casts them to the
 * schema. A record goes through all of it before the next record. If a record fails, the records before it
 * are returned before the error is thrown.
 */
export function recordSelector(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): RecordSelector {
  const extractor = builder.build('extractor', component(definition, 'extractor'), context)
  const normalizer = schemaNormalization(definition, builder, context)
  const steps = compileSteps(definition, builder, context)
  const { decoder } = context
  const { signal } = builder.environment

  async function* select(
    batches: AsyncIterable<readonly Value[]>,
    scope: RecordScope,
    isShared: boolean,
  ): AsyncIterable<SelectedBatch> {
    for await (const values of batches) {
      const normalize = await normalizer()
      const changes = steps.transformations.length > 0 || normalize !== null
      const { records, failure } = await selectBatch(values, scope, {
        ...steps,
        normalize,
        signal,
        copies: isShared && changes,
      })
      if (values.length > 0) yield { records, extracted: values.length }
      if (failure !== null) throw failure.error
    }
  }
  return {
    select: (response, scope) => select(extractor.extract(response), scope, sharesRecords(decoder)),
    selectFrom: (batches, scope) => select(batches, scope, false),
  }
}

/** If the paginator sees the response as it came, its records are copied. */
function sharesRecords(decoder: Decoder | undefined): boolean {
  if (decoder !== undefined && isPathDecoder(decoder)) return decoder.isKept
  return decoder?.streams !== true
}

interface SelectionSteps {
  readonly streamName: string
  readonly keeps: RecordPredicate | null
  readonly transformsFirst: boolean
  readonly transformations: readonly Transformation[]
}

interface BatchSteps extends SelectionSteps {
  readonly normalize: SchemaNormalizer | null
  readonly signal: AbortSignal
  /** Whether the records are changed while others see them. */
  readonly copies: boolean
}

interface SelectedRecords {
  readonly records: readonly Dict[]
  /** The error that stopped the selection before the end. */
  readonly failure: { readonly error: unknown } | null
}

/**
 * How long records may keep the thread busy. A template may take a second for each of thousands of records:
 * signals and other streams get their turn meanwhile.
 */
const MAX_BUSY_MS = 200

async function selectBatch(
  values: readonly Value[],
  scope: RecordScope,
  steps: BatchSteps,
): Promise<SelectedRecords> {
  const records: Dict[] = []
  const isWork = steps.keeps !== null || steps.transformations.length > 0
  let busySince = performance.now()
  try {
    for (const value of values) {
      if (isWork && performance.now() - busySince > MAX_BUSY_MS) {
        await setImmediate()
        steps.signal.throwIfAborted()
        busySince = performance.now()
      }
      if (isDropped(value)) continue
      const record = selectRecord(value, scope, steps)
      if (record !== null) records.push(record)
    }
  } catch (error) {
    return { records, failure: { error } }
  }
  return { records, failure: null }
}

/** Null for a record that the filter drops. */
function selectRecord(value: Value, scope: RecordScope, steps: BatchSteps): Dict | null {
  const { keeps, transformsFirst, transformations, normalize } = steps
  if (keeps !== null && !(transformsFirst && isDict(value)) && !keeps(value, scope)) return null
  if (!isDict(value)) throw noObject(value, steps.streamName)
  let record = steps.copies ? copyDict(value) : value
  for (const transformation of transformations) record = transformation.transform(record, scope)
  if (keeps !== null && transformsFirst && !keeps(record, scope)) return null
  normalize?.(record)
  return record
}

function noObject(value: Value, streamName: string): SourceError {
  return new SourceError(
    `Stream ${streamName} has a record that is not an object but ${typeName(value)}. Change field_path of its extractor, or drop such records with a record_filter.`,
    { failureType: 'system_error', mayPass: false },
  )
}

function compileSteps(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): SelectionSteps {
  const { stream, streamName } = context
  const sync = stream?.incrementalSync ?? {}
  const isClientSide = flag(sync, 'is_client_side_incremental', false)
  // A data feed is filtered by its retriever, after its paginator has seen the records.
  const isByCursor = isClientSide && !flag(sync, 'is_data_feed', false)
  return {
    streamName,
    keeps:
      isByCursor && stream !== undefined
        ? cursorFilter(definition, builder, stream.cursor)
        : ownFilter(definition, builder, context),
    transformsFirst: flag(definition, 'transform_before_filtering', isClientSide),
    transformations: stream?.transformations ?? [],
  }
}

type RecordPredicate = (record: Value, scope: RecordScope) => boolean

function ownFilter(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): RecordPredicate | null {
  const filter = optionalComponent(definition, 'record_filter')
  if (filter === undefined) return null
  if (get(filter, 'type') === 'RecordFilter') return conditionOf(filter, builder)
  const custom = builder.build('recordFilter', filter, context)
  return (record, scope) => !isDict(record) || custom.keeps(record, scope)
}

/** Drops what an earlier read has had, then what the condition rejects. */
function cursorFilter(definition: PlainDict, builder: Builder, cursor: Cursor): RecordPredicate {
  const filter = optionalComponent(definition, 'record_filter')
  const condition = filter === undefined ? undefined : optionalText(filter, 'condition')
  const holds =
    condition === undefined || condition === ''
      ? null
      : compileCondition(condition, builder, parametersOf(definition))
  return (record, scope) =>
    !isDict(record) ||
    (cursor.shouldBeSynced(record, scope.slice) && (holds === null || holds(record, scope)))
}
