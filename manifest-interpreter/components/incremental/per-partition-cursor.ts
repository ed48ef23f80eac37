import {
  SourceError,
  type Cursor,
  type PartitionRouter,
  type RequestOptions,
  type RequestScope,
} from '../../contracts.ts'
import { PyTimeDelta, type PyDateTime } from '../../value/py-datetime.ts'
import { toInt } from '../../value/conversion.ts'
import { get, has, isDict, isEmpty } from '../../value/dict.ts'
import { compare } from '../../value/ordering.ts'
import { PythonError, typeError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { truth } from '../../value/truth.ts'
import type { Dict, Value } from '../../value/value.ts'
import type { ConcurrentCursor } from './concurrent-cursor.ts'
import type { DatetimeCursorFactory } from './datetime-based-cursor.ts'
import { OpenPartitions } from './open-partitions.ts'
import { dumpJson } from '../../value/json-dumps.ts'

/**
 * If a stream has more partitions, one state for all is stored, because the state message would get too
 * large.
 */
const MAX_PARTITIONS_WITH_STATES = 10_000
/** Cursors in memory at a time. */
const MAX_CURSORS = 25_000
/** A state holds those of all partitions, so it is written seldom: after a crash this much is read again. */
const SECONDS_BETWEEN_STATES = 600

export interface PerPartitionOptions {
  readonly factory: DatetimeCursorFactory
  readonly router: PartitionRouter
  readonly state: Dict
  /** One state for all partitions from the beginning. */
  readonly useGlobalCursor: boolean
  readonly emitState: (state: Dict) => void
  readonly nowMicros: () => number
  readonly requestOptions: RequestOptions
  readonly warn: (message: string) => void
}

interface PartitionCursor {
  readonly partition: Dict
  readonly cursor: ConcurrentCursor<PyDateTime>
}

/**
 * A cursor for each partition of a stream. Beside, a global one: the greatest value of all partitions, where
 * partitions begin that have no state, and all of them once there are too many. It moves only at the end of a
 * read that did not fail, and the next read goes back by as long as this one took.
 */
export class PerPartitionCursor implements Cursor {
  readonly field: string
  readonly catalogDefined: boolean
  readonly #options: PerPartitionOptions
  /** In the order in which they came: the oldest are dropped first. */
  readonly #cursors = new Map<string, PartitionCursor>()
  readonly #open = new OpenPartitions()
  #useGlobalCursor: boolean
  #globalState: Dict = {}
  #newGlobalValue: Value | undefined
  #lookbackSeconds = 0
  #parentState: Dict | null = null
  #partitionCount = 0
  #hasSyncedRecords = false
  #startedAt: number | undefined
  #emittedAt = 0
  #stateless: ConcurrentCursor<PyDateTime> | undefined
  #globalFilter: ConcurrentCursor<PyDateTime> | undefined
  #lastSlice: StreamSlice | undefined
  #lastCursor: PartitionCursor | undefined
  #hasWarned = false

  constructor(options: PerPartitionOptions) {
    const { factory } = options
    this.field = factory.field
    this.catalogDefined = factory.catalogDefined
    this.#options = options
    this.#useGlobalCursor = options.useGlobalCursor
    if (!isEmpty(options.state)) this.#readState(options.state)
  }

  state(): Dict {
    const state: Dict = { use_global_cursor: this.#useGlobalCursor }
    if (!this.#useGlobalCursor)
      state.states = Array.from(this.#cursors.values(), ({ partition, cursor }) => ({
        partition,
        cursor: cursor.state(),
      }))
    if (!isEmpty(this.#globalState)) state.state = this.#globalState
    state.lookback_window = this.#lookbackSeconds
    if (this.#parentState !== null) state.parent_state = this.#parentState
    return state
  }

  async *slices(): AsyncGenerator<StreamSlice> {
    const { router, nowMicros } = this.#options
    this.#startedAt = nowMicros()
    // One partition ahead, as the reference does: a check then sends the same requests.
    let held: (() => Generator<StreamSlice>) | undefined
    for await (const partition of router.slices()) {
      const parentState = router.parentState()
      if (held !== undefined) yield* held()
      held = () => this.#slicesOf(partition, parentState)
    }
    if (held !== undefined) yield* held()
  }

  observe(record: Dict, slice: StreamSlice): void {
    const { values } = this.#options.factory
    const value = get(record, this.field) ?? null
    if (value === null) return
    const time = values.parseOfRecord(value)
    if (time === undefined) {
      this.#warnOnce()
      return
    }
    this.#hasSyncedRecords = true
    this.#raiseGlobalValue(values.write(time))
    if (!this.#useGlobalCursor) this.#cursorOf(slice).cursor.observe(record, slice)
  }

  closeSlice(slice: StreamSlice): void {
    const key = partitionKey(slice.partition)
    const isFinished = this.#open.closeSlice(key)
    if (!this.#useGlobalCursor) {
      const { cursor } = this.#cursorOf(slice)
      cursor.closeSlice(slice)
      if (isFinished) this.#raiseGlobalValue(get(cursor.state(), this.field) ?? null)
    }
    this.#parentState = this.#open.finishedParentState() ?? this.#parentState
    this.#emitSometimes()
  }

  ensureStateEmitted(): void {
    const { router, emitState, nowMicros } = this.#options
    if (this.#open.areAllRead()) {
      if (this.#hasSyncedRecords && this.#startedAt !== undefined) {
        this.#setGlobalState(this.#newGlobalValue)
        const seconds = Math.ceil((nowMicros() - this.#startedAt) / 1e6)
        this.#lookbackSeconds = Math.max(1, seconds)
      }
      this.#parentState = router.parentState()
    }
    emitState(this.state())
  }

  shouldBeSynced(record: Dict, slice: StreamSlice): boolean {
    const known = this.#useGlobalCursor ? undefined : this.#find(slice)
    if (known !== undefined) return known.cursor.shouldBeSynced(record)
    this.#globalFilter ??= this.#newCursor()
    return this.#globalFilter.shouldBeSynced(record)
  }

  momentOf(state: Dict): number | null {
    const global = get(state, 'state')
    if (global === undefined || !isDict(global) || isEmpty(global)) return null
    return this.copyWithoutState().momentOf(global)
  }

  splitWindow(slice: StreamSlice, minimum: string | null): readonly StreamSlice[] | null {
    this.#stateless ??= this.copyWithoutState()
    return this.#stateless.splitWindow(slice, minimum)
  }

  copyWithoutState(): ConcurrentCursor<PyDateTime> {
    return this.#options.factory.create({}, null)
  }

  etagOf(slice: StreamSlice): string | undefined {
    return this.#useGlobalCursor ? undefined : this.#find(slice)?.cursor.etagOf(slice)
  }

  keepEtag(slice: StreamSlice, etag: string): void {
    if (!this.#useGlobalCursor) this.#cursorOf(slice).cursor.keepEtag(slice, etag)
  }

  endsBefore(slice: StreamSlice, record: Dict): boolean {
    this.#stateless ??= this.copyWithoutState()
    return this.#stateless.endsBefore(slice, record)
  }

  headers(scope: RequestScope): Dict {
    return this.#options.requestOptions.headers(scope)
  }

  params(scope: RequestScope): Dict {
    return this.#options.requestOptions.params(scope)
  }

  bodyData(scope: RequestScope): Dict | string {
    return this.#options.requestOptions.bodyData(scope)
  }

  bodyJson(scope: RequestScope): Dict {
    return this.#options.requestOptions.bodyJson(scope)
  }

  *#slicesOf(partition: StreamSlice, parentState: Dict | null): Generator<StreamSlice> {
    this.#limitPartitions()
    const key = partitionKey(partition.partition)
    let entry = this.#cursors.get(key)
    if (entry === undefined) {
      entry = { partition: partition.partition, cursor: this.#newCursor() }
      this.#partitionCount++
      this.#cursors.set(key, entry)
    }
    if (!this.#open.begin(key, parentState)) {
      this.#options.warn('a partition came twice and is read once')
      return
    }
    // One slice ahead, to know the last one before it is closed.
    const windows = entry.cursor.windows()
    let window = windows.next()
    while (window.done !== true) {
      const next = windows.next()
      this.#open.addSlice(key, { isLast: next.done === true })
      yield new StreamSlice({
        partition: partition.partition,
        cursorSlice: window.value.cursorSlice,
        extraFields: partition.extraFields,
      })
      window = next
    }
  }

  /** The cursor of a partition without a state of its own. */
  #newCursor(): ConcurrentCursor<PyDateTime> {
    const seconds = isEmpty(this.#globalState) ? 0 : this.#lookbackSeconds
    return this.#options.factory.create(this.#globalState, PyTimeDelta.ofSeconds(seconds))
  }

  #cursorOf(slice: StreamSlice): PartitionCursor {
    const found = this.#find(slice)
    if (found !== undefined) return found
    throw new SourceError('A record belongs to a partition that has no cursor.', {
      failureType: 'system_error',
    })
  }

  /** Records come in runs of one slice. */
  #find(slice: StreamSlice): PartitionCursor | undefined {
    if (slice !== this.#lastSlice || this.#lastCursor === undefined) {
      this.#lastSlice = slice
      this.#lastCursor = this.#cursors.get(partitionKey(slice.partition))
    }
    return this.#lastCursor
  }

  #limitPartitions(): void {
    if (!this.#useGlobalCursor && this.#partitionCount > MAX_PARTITIONS_WITH_STATES) {
      this.#options.warn(
        `the stream has more than ${MAX_PARTITIONS_WITH_STATES} partitions: their states are replaced by one for all`,
      )
      this.#useGlobalCursor = true
    }
    while (this.#cursors.size >= MAX_CURSORS) this.#cursors.delete(this.#oldestKey())
  }

  /** The oldest partition that is not being read, if there is one; else the oldest. */
  #oldestKey(): string {
    let oldest: string | undefined
    for (const key of this.#cursors.keys()) {
      oldest ??= key
      if (!this.#open.isOpen(key)) return key
    }
    return oldest ?? ''
  }

  #raiseGlobalValue(value: Value): void {
    if (this.#newGlobalValue === undefined || compare('<', this.#newGlobalValue, value))
      this.#newGlobalValue = value
  }

  #setGlobalState(value: Value | undefined): void {
    if (value === undefined) return
    this.#globalState = { [this.field]: value }
    this.#globalFilter = undefined
  }

  #emitSometimes(): void {
    const { emitState, nowMicros } = this.#options
    const now = nowMicros() / 1e6
    if (now - this.#emittedAt <= SECONDS_BETWEEN_STATES) return
    this.#emittedAt = now
    // One state for all says nothing new before the end, except of the parents.
    if (this.#useGlobalCursor && (this.#parentState === null || isEmpty(this.#parentState))) return
    emitState(this.state())
  }

  #warnOnce(): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#options.warn(
      'a record has a cursor value that cannot be read: it does not move the state',
    )
  }

  /**
   * `{ states, state, lookback_window, use_global_cursor, parent_state }`, or the state of a stream without
   * partitions.
   */
  #readState(state: Dict): void {
    if (!has(state, 'states') && !has(state, 'state')) {
      this.#readGlobalState(state)
    } else {
      this.#useGlobalCursor = truth(get(state, 'use_global_cursor') ?? false)
      this.#lookbackSeconds = Number(toInt(get(state, 'lookback_window') ?? 0))
      const states = get(state, 'states') ?? []
      if (!Array.isArray(states)) throw typeError('The states of the partitions are not a list.')
      for (const entry of states) this.#readPartitionState(entry)
      const global = get(state, 'state')
      if (global !== undefined) this.#readGlobalState(dictOrFail(global))
    }
    const parents = get(state, 'parent_state')
    if (parents !== undefined && truth(parents)) this.#parentState = dictOrFail(parents)
  }

  #readPartitionState(entry: Value): void {
    const partition = get(dictOrFail(entry), 'partition')
    const cursor = get(dictOrFail(entry), 'cursor')
    if (partition === undefined || cursor === undefined)
      throw new PythonError('KeyError', 'The state of a partition needs "partition" and "cursor".')
    this.#partitionCount++
    this.#cursors.set(partitionKey(partition), {
      partition: dictOrFail(partition),
      cursor: this.#options.factory.create(dictOrFail(cursor), null),
    })
  }

  #readGlobalState(state: Dict): void {
    const { values } = this.#options.factory
    const value = get(state, this.field)
    if (value === undefined) return
    this.#newGlobalValue = values.write(values.parse(value))
    this.#setGlobalState(this.#newGlobalValue)
  }
}

function dictOrFail(value: Value): Dict {
  if (isDict(value)) return value
  throw typeError('The state of the stream has another form than that of a partitioned stream.')
}

/** The identity of a partition: equal for equal partitions, in any order of their fields. */
function partitionKey(partition: Value): string {
  return dumpJson(partition, { sortKeys: true, separators: [',', ':'] })
}
