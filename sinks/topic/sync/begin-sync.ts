import { randomUUID } from 'node:crypto'
import { ConnectError, type StreamId, streamIdOf, streamLabel } from '../../../protocol/index.ts'
import { addCounts, noCounts } from '../../committed-counts.ts'
import {
  findLostKey,
  findReplacedRows,
  isDoneInRun,
  isEndOf,
  isOverwriteMode,
  isResumable,
  keepsStates,
  settingsOf,
  takeNextNumbers,
} from '../../continuation.ts'
import { findOtherColumns } from '../../numbered-columns.ts'
import type { BeginOptions, RunStart, SinkStream, SliceCheckpoint, StreamSync } from '../../sink.ts'
import type { Bookkeeping, Change } from '../bookkeeping/checkpoint-store.ts'
import type { Checkpoints, StoredStream } from '../bookkeeping/checkpoints.ts'
import type {
  CheckpointRecord,
  RegisteredSchema,
  SliceRecord,
  StreamRecord,
} from '../bookkeeping/records.ts'
import { startRefusal } from '../bookkeeping/runs.ts'
import { untoldCounts } from '../bookkeeping/untold.ts'
import { isCountedBy, slicesUntold, warningsOf, withoutReported } from '../../bookkeeping/untold.ts'
import { checkpointTopic } from '../own-names.ts'
import { targetTopic, type TopicPlace } from '../topic-place.ts'
import type { TargetTopic } from '../topics/target-topic.ts'
import { noteColumns } from '../../bookkeeping/column-notes.ts'
import { startedMessage } from './control-messages.ts'
import {
  knownTopic,
  type KnownTopic,
  listLeftTopics,
  requireSameMessages,
  requireUnrepeated,
  sameRecord,
} from './known-topic.ts'
import { registerSchema, type SchemaSource } from './registered-schema.ts'
import { formText, requireMode, requireOwnTopic, requirePolicy, rowFormOf } from './topic-mode.ts'
import { topicWarnings } from './topic-warnings.ts'

export interface BeginContext {
  readonly place: TopicPlace
  readonly store: Bookkeeping
  /** Makes the stream's topic if it is missing. */
  readonly ensureTopic: (topic: string) => Promise<TargetTopic>
  /** Absent: the place has none. */
  readonly registry?: SchemaSource | undefined
  now(): number
}

/**
 * `Destination.begin`: see the contract. The next epoch is durable before the lanes of older ones are fenced:
 * a lane that opens after that finds it. So nobody else writes to the stream when its checkpoints are read.
 */
export async function beginSync(
  context: BeginContext,
  sink: SinkStream,
  { start, ...options }: Pick<Beginning, 'start'> & BeginOptions,
): Promise<StreamSync> {
  const { place, store, ensureTopic, registry } = context
  const streamId = streamIdOf(sink.stream.stream)
  const topic = targetTopic(place, streamId)
  requireMode(sink)
  const older = await store.change((now) => takeEpoch(now, { sink, streamId, topic, start, place }))
  await store.fence(older)
  const target = await ensureTopic(topic)
  requirePolicy(sink, { topic, policy: target.policy })
  await store.read()
  const atMs = context.now()
  const facts = { ...options, sink, streamId, topic, start, place, target, atMs }
  const schema = registry === undefined ? null : await findSchema(store, facts, registry)
  return store.change((now) => decideSync(now, { ...facts, schema }))
}

/**
 * Finds the schemas of the messages in the registry. An error that refuses the stream anyway is thrown before
 * anything is registered.
 */
async function findSchema(
  store: Bookkeeping,
  facts: Omit<Beginning, 'schema'>,
  registry: SchemaSource,
): Promise<RegisteredSchema | null> {
  const now = await store.read()
  decideSync(now, { ...facts, schema: null })
  const known = knownTopic(now.stream(facts.streamId), facts)
  return registerSchema(registry, known, facts)
}

interface Wanted {
  readonly place: TopicPlace
  readonly sink: SinkStream
  readonly streamId: StreamId
  readonly topic: string
  readonly start: RunStart
}

interface Beginning extends Wanted, BeginOptions {
  readonly target: TargetTopic
  readonly schema: RegisteredSchema | null
  readonly atMs: number
}

/** Results in the stream if lanes of it may be open. */
function takeEpoch(now: Checkpoints, wanted: Wanted): Change<readonly StoredStream[]> {
  const { sink, streamId, topic, start, place } = wanted
  const refusal = startRefusal(now, sink, start.start)
  if (refusal !== undefined) throw refusal
  requireOwnTopic(now, place, { stream: streamId, topic })
  const stored = now.stream(streamId)
  const { record } = stored
  const unasked =
    findLostKey(record, sink) ?? findReplacedRows(record, sink) ?? findOtherColumns(record, sink)
  if (unasked !== undefined) throw unasked
  if (record === undefined || record.complete || record.lanes === 0)
    return { result: [], records: [] }
  const value = { ...record, epoch: record.epoch + 1, attempt: randomUUID() }
  return { result: [stored], records: [{ kind: 'stream', stream: streamId, value }] }
}

function decideSync(now: Checkpoints, beginning: Beginning): Change<StreamSync> {
  const { sink, streamId, topic, start, place } = beginning
  const refusal = startRefusal(now, sink, start.start)
  if (refusal !== undefined) throw refusal
  requireOwnTopic(now, place, { stream: streamId, topic })
  const stored = now.stream(streamId)
  const record = stored.record && withoutReported(stored.record, start)
  // Without its messages, or in another topic, states refer to rows that do not exist: the stream is read
  // from the beginning.
  const same = sameRecord({ ...stored, record }, beginning)
  const known = same !== undefined && same.run !== 0 ? same : undefined
  const isDone =
    isEndOf(known, beginning.unconfirmed) ||
    (known !== undefined && isDoneInRun(known, sink, start.run))
  if (known !== undefined && isDone)
    return { result: syncOf({ ...stored, record: known }, beginning, 'done'), records: [] }
  const inTopic = knownTopic({ ...stored, record }, beginning)
  const isGone = record?.topic === topic && same === undefined
  return startSync({ ...stored, record }, { known, inTopic, isGone }, beginning)
}

interface Earlier {
  /**
   * As the last sync of the topic left the stream; undefined if it was forgotten since, or is another topic.
   */
  readonly known: StreamRecord | undefined
  /**
   * Also of a stream that was forgotten, or loaded into another topic since: its old messages are still
   * there.
   */
  readonly inTopic: KnownTopic | undefined
  /** The topic was deleted, and made again: what was loaded into it is nowhere. */
  readonly isGone: boolean
}

function startSync(
  stored: StoredStream,
  earlier: Earlier,
  beginning: Beginning,
): Change<StreamSync> {
  const { known, isGone } = earlier
  const { sink, streamId, topic, start, target } = beginning
  const { record } = stored
  const resumed = known !== undefined && isResumable(known, sink, { ...beginning, ...start })
  const goesOn = resumed || keepsStates(known, sink)
  requireLoadable(stored, earlier, { ...beginning, goesOn })
  const { slices, goneRows, ...counts } = carryKept(stored, { start, resumed, goesOn, isGone })
  const warnings = topicWarnings({ ...earlier, record, sink, topic, target, goneRows })
  const last = record ?? unknownStream
  const origin = resumed ? known : freshSync(beginning)
  const attempt = randomUUID()
  const value: StreamRecord = {
    topic,
    topicId: target.id ?? null,
    settings: settingsOf(sink),
    columns: [...sink.columns],
    run: start.run,
    ...takeNextNumbers(record, sink, resumed),
    attempt,
    attemptKeys: [...origin.attemptKeys, attempt],
    complete: false,
    syncStart: origin.syncStart,
    startedAtMs: origin.startedAtMs,
    readWarnings: keepsReadWarnings(record, goesOn) ? last.readWarnings : [],
    beginWarnings: [...new Set([...last.beginWarnings, ...warnings])],
    ...counts,
    toldRun: null,
    // The end of an overwrite writes as the first lane does.
    lanes: Math.max(1, last.lanes),
    isFilled: earlier.inTopic?.isFilled ?? false,
    leftTopics: listLeftTopics(stored, topic),
    ...topicFacts(earlier, beginning, { resumed, untoldNotes: last.tableNotes }),
  }
  // If somebody deleted the stream from the topic, no positions count.
  const positions = record === undefined ? new Map<number, never>() : stored.positions
  const begun = { ...stored, record: value, slices, positions }
  const started = startedMessage({ sink, record: value, atMs: beginning.atMs })
  return {
    result: { ...syncOf(begun, beginning, resumed ? 'resumed' : 'new'), rowsAreGone: isGone },
    records: changedRecords(stored, begun, streamId),
    control: resumed ? [] : [started],
  }
}

const unknownStream = {
  tableNotes: [],
  readWarnings: [],
  beginWarnings: [],
  lanes: 0,
} satisfies Partial<StreamRecord>

function freshSync({
  start,
  atMs,
}: Beginning): Pick<StreamRecord, 'attemptKeys' | 'syncStart' | 'startedAtMs'> {
  return { attemptKeys: [], syncStart: start.start, startedAtMs: atMs }
}

type TopicFacts = Pick<
  StreamRecord,
  | 'tableNotes'
  | 'partitions'
  | 'maxMessageBytes'
  | 'generationStart'
  | 'beganAt'
  | 'merged'
  | 'form'
  | 'schema'
>

function topicFacts(
  { known, inTopic }: Earlier,
  { sink, target, place, schema }: Beginning,
  {
    resumed,
    untoldNotes,
  }: { readonly resumed: boolean; readonly untoldNotes: StreamRecord['tableNotes'] },
): TopicFacts {
  const { partitions, maxMessageBytes, ends } = target
  const isNewGeneration = isOverwriteMode(sink.mode) && !resumed
  const divided = inTopic?.partitions
  const before = known ?? { columns: sink.columns, generationStart: [] }
  return {
    tableNotes: noteColumns(before.columns, sink.columns, untoldNotes),
    // If the number changed, versions of a row would be in two partitions, and a reader could meet the old
    // version last.
    partitions: divided !== undefined && divided <= partitions ? divided : partitions,
    maxMessageBytes,
    generationStart: isNewGeneration ? [...ends] : before.generationStart,
    beganAt: [...ends],
    merged: mergedBy(sink, inTopic, place),
    form: rowFormOf(place),
    schema,
  }
}

/** Throws if the stream cannot be loaded in the state that it and its topic are in. */
function requireLoadable(
  stored: StoredStream,
  { known, inTopic }: Earlier,
  { goesOn, ...beginning }: Beginning & { readonly goesOn: boolean },
): void {
  const { sink, topic, target, place } = beginning
  requireUnrepeated(stored, sink, { topic, target, goesOn })
  requireSameMessages(inTopic, sink, { topic, place })
  if (known === undefined) return
  const { slices } = stored
  const stream = streamLabel(sink.stream.stream)
  const checkpoints = checkpointTopic(sink.connection)
  if (goesOn && slices.size < known.planned) {
    const problem = `${String(known.planned)} slices of stream ${stream} were stored, and ${String(slices.size)} are there`
    const details = { topic: checkpoints, problem }
    throw new ConnectError('destination_checkpoints_damaged', { details })
  }
  if (target.partitions < known.partitions) {
    const details = { stream, topic, before: known.partitions, now: target.partitions, checkpoints }
    throw new ConnectError('destination_topic_partitions', { details })
  }
}

/**
 * A read from the beginning makes void what an incremental one warned of; a full refresh has read everything.
 */
function keepsReadWarnings(record: StreamRecord | undefined, goesOn: boolean): boolean {
  return goesOn || record?.settings.sync_mode === 'full_refresh'
}

/**
 * Returns the key and form that the rows of the topic are merged by after this sync. An overwrite decides it
 * at its end.
 */
function mergedBy(
  sink: SinkStream,
  inTopic: KnownTopic | undefined,
  place: TopicPlace,
): StreamRecord['merged'] {
  if (sink.mode !== 'append_dedup') return inTopic?.merged ?? null
  return { key: settingsOf(sink).key, form: formText(place, sink) }
}

interface Carried extends Pick<StreamRecord, 'untoldCounts' | 'planned'> {
  readonly slices: ReadonlyMap<string, SliceRecord>
}

/**
 * The same as `carrySlices`. If the topic is gone, its loaded rows cannot be reported: they are not there.
 * The rejected records are in another topic.
 */
function carryKept(
  stored: StoredStream,
  { isGone, ...how }: Parameters<typeof carrySlices>[1] & { readonly isGone: boolean },
): Carried & { readonly goneRows: number } {
  const carried = carrySlices(stored, how)
  if (!isGone) return { ...carried, goneRows: 0 }
  const { untoldCounts } = carried
  return { ...carried, untoldCounts: { ...untoldCounts, loaded: 0 }, goneRows: untoldCounts.loaded }
}

/** The slices as the sync begins with them, and what is untold of those that are over. */
function carrySlices(
  stored: StoredStream,
  {
    start,
    resumed,
    goesOn,
  }: { readonly start: RunStart; readonly resumed: boolean; readonly goesOn: boolean },
): Carried {
  const { record } = stored
  if (record === undefined) return { slices: new Map(), untoldCounts: noCounts, planned: 0 }
  const isReported = isCountedBy(record, start)
  const before = isReported ? mapSlices(stored.slices, { untold: noCounts }) : stored.slices
  const earlier = isReported ? noCounts : record.untoldCounts
  const { planned } = record
  if (resumed) return { slices: before, untoldCounts: earlier, planned }
  if (goesOn) {
    const restarted = mapSlices(before, { seq: 0, loaded: 0, rejected: 0, complete: false })
    return { slices: restarted, untoldCounts: earlier, planned }
  }
  const counts = addCounts(earlier, slicesUntold(before.values()))
  return { slices: new Map(), untoldCounts: counts, planned: 0 }
}

function mapSlices(
  slices: StoredStream['slices'],
  changed: Partial<SliceRecord>,
): ReadonlyMap<string, SliceRecord> {
  return new Map([...slices].map(([slice, record]) => [slice, { ...record, ...changed }]))
}

function changedRecords(
  before: StoredStream,
  now: StoredStream & { readonly record: StreamRecord },
  stream: StreamId,
): readonly CheckpointRecord[] {
  const { record, slices, positions } = now
  return [
    { kind: 'stream', stream, value: record },
    ...[...before.slices.keys()]
      .filter((slice) => !slices.has(slice))
      .map((slice) => ({ kind: 'slice', stream, slice, value: null }) as const),
    ...[...slices]
      .filter(([slice, value]) => before.slices.get(slice) !== value)
      .map(([slice, value]) => ({ kind: 'slice', stream, slice, value }) as const),
    ...[...before.positions.keys()]
      .filter((partition) => !positions.has(partition))
      .map((partition) => ({ kind: 'position', stream, partition, value: null }) as const),
  ]
}

function syncOf(
  stored: StoredStream & { readonly record: StreamRecord },
  { sink, streamId, start }: Wanted,
  how: 'new' | 'resumed' | 'done',
): StreamSync {
  const { record, slices, positions } = stored
  const { syncId, generationId, epoch, attemptKeys, startedAtMs, tableNotes } = record
  return {
    sink,
    streamId,
    syncId,
    generationId,
    epoch,
    attemptKeys,
    start: start.start,
    resumed: how !== 'new',
    startedAtMs,
    isOlder: record.syncStart !== start.start,
    untoldCounts: untoldCounts({ record, slices }),
    tableNotes,
    warnings: warningsOf(record),
    doneInRun: how === 'done',
    slices: checkpointsOf(slices),
    positions: [...positions]
      .toSorted(([a], [b]) => a - b)
      .map(([partition, position]) => ({ partition, ...position })),
  }
}

function checkpointsOf(slices: StoredStream['slices']): readonly SliceCheckpoint[] {
  return [...slices]
    .toSorted(([, a], [, b]) => a.ordinal - b.ordinal)
    .map(([slice, { partition, state, seq, complete }]) => ({
      slice,
      partition,
      state,
      seq,
      complete,
    }))
}
