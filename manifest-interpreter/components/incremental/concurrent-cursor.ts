import {
  SourceError,
  type Cursor,
  type RequestOptions,
  type RequestScope,
} from '../../contracts.ts'
import { get } from '../../value/dict.ts'
import { equals } from '../../value/equality.ts'
import { PythonError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import type { Dict, Value } from '../../value/value.ts'
import { momentOfState, readState, writeState, type CursorState } from './cursor-state.ts'
import { mergeIntervals, type CursorValues } from './cursor-values.ts'
import { missingWindows, type Window, type WindowRules } from './cursor-windows.ts'

/** The settings of a cursor, apart from its state. The cursors of all partitions of a stream share them. */
export interface CursorSettings<T> {
  readonly streamName: string
  readonly field: string
  readonly catalogDefined: boolean
  readonly values: CursorValues<T>
  readonly rules: WindowRules<T>
  /** The names that a slice has for its bounds. */
  readonly boundaries: readonly [start: string, end: string]
  /**
   * The values that a read slice adds to the state: its bounds, or the values of its records if the API
   * accepts no end.
   */
  readonly stateFollows: 'bounds' | 'records'
  /** The state stays at the beginning of the read, even if records are newer. */
  readonly staysBeforeRead?: boolean
  /** The two halves of a window; null if it is as small as it can be. */
  readonly halve: (window: Window<T>, minimum: string | null) => readonly Window<T>[] | null
  readonly requestOptions: RequestOptions
  /** Called once about records without a value that counts. */
  readonly warn: (message: string) => void
}

/** The cursor of a stream, or of one partition: reads what its state says is missing, in windows. */
export class ConcurrentCursor<T> implements Cursor {
  readonly field: string
  readonly catalogDefined: boolean
  readonly #settings: CursorSettings<T>
  readonly #emitState: (state: Dict) => void
  readonly #state: CursorState<T>
  /** Records below have been read before. */
  readonly #syncStart: T
  readonly #mostRecent = new Map<StreamSlice, T>()
  /** The etags of slices that are not closed yet. */
  readonly #etags = new Map<StreamSlice, string>()
  /** The end of what is read now: mostly the time at which the read began. */
  #rangeEnd: T | undefined
  #lastSlice: StreamSlice | undefined
  #lastMostRecent: T | undefined
  #isAscending = true
  #hasWarned = false
  #hasClosedSlice = false
  #lowestToSync: T | undefined
  #highestToSync: T | undefined

  constructor(
    settings: CursorSettings<T>,
    state: Dict,
    emitState: (state: Dict) => void = () => undefined,
  ) {
    const { field, values, rules } = settings
    this.field = field
    this.catalogDefined = settings.catalogDefined
    this.#settings = settings
    this.#emitState = emitState
    const read = readState({ state, field, values, start: rules.start })
    this.#state = read.state
    this.#syncStart = read.syncStart
  }

  state(): Dict {
    return writeState(this.#state, this.field, this.#settings.values)
  }

  async *slices(): AsyncGenerator<StreamSlice> {
    yield* await Promise.resolve(this.windows())
  }

  /** The slices, without waiting for anything. */
  *windows(): Generator<StreamSlice> {
    const { values, rules } = this.#settings
    this.#state.intervals = mergeIntervals(this.#state.intervals, values)
    this.#rangeEnd = rules.end()
    for (const window of missingWindows(this.#state.intervals, rules, values))
      yield new StreamSlice({ cursorSlice: this.#cursorSlice(window) })
  }

  observe(record: Dict, slice: StreamSlice): void {
    const value = this.#valueOf(record)
    if (value === undefined) return
    if (slice !== this.#lastSlice) {
      this.#lastSlice = slice
      this.#lastMostRecent = this.#mostRecent.get(slice)
    }
    const order =
      this.#lastMostRecent === undefined
        ? -1
        : this.#settings.values.compare(this.#lastMostRecent, value)
    if (order > 0) this.#isAscending = false
    if (order >= 0) return
    this.#lastMostRecent = value
    this.#mostRecent.set(slice, value)
  }

  closeSlice(slice: StreamSlice): void {
    const { values } = this.#settings
    const mostRecent = this.#mostRecent.get(slice)
    this.#mostRecent.delete(slice)
    this.#lastSlice = undefined
    this.#keepLastResponse(slice)
    const interval = this.#readInterval(slice, mostRecent)
    this.#hasClosedSlice = true
    if (interval === undefined) return
    this.#state.intervals = mergeIntervals([...this.#state.intervals, interval], values)
    this.#emitState(this.state())
  }

  ensureStateEmitted(): void {
    this.#emitState(this.state())
  }

  shouldBeSynced(record: Dict): boolean {
    const value = this.#valueOf(record)
    if (value === undefined) return true
    const { values, rules } = this.#settings
    this.#lowestToSync ??= this.#findLowestToSync()
    if (values.compare(this.#lowestToSync, value) > 0) return false
    if (this.#highestToSync !== undefined && values.compare(value, this.#highestToSync) <= 0)
      return true
    // The end may be the present, which has moved on since it was last looked at.
    this.#highestToSync = rules.end()
    return values.compare(value, this.#highestToSync) <= 0
  }

  momentOf(state: Dict): number | null {
    return momentOfState(state, this.field, this.#settings.values)
  }

  splitWindow(slice: StreamSlice, minimum: string | null): readonly StreamSlice[] | null {
    const { boundaries, halve } = this.#settings
    const halves = halve(
      [this.#bound(slice, boundaries[0]), this.#bound(slice, boundaries[1])],
      minimum,
    )
    return halves?.map((window) => this.#sliceWith(slice, this.#cursorSlice(window))) ?? null
  }

  copyWithoutState(): ConcurrentCursor<T> {
    return new ConcurrentCursor(this.#settings, {})
  }

  reduceRange(slice: StreamSlice): StreamSlice {
    const { boundaries, values, warn } = this.#settings
    if (!this.#isAscending)
      warn(
        'the rest of a window is read although its records are not in the order of the cursor: some may be missed',
      )
    const reached = this.#mostRecent.get(slice)
    if (reached === undefined) return slice
    const end = get(slice.cursorSlice, boundaries[1]) ?? null
    return this.#sliceWith(slice, { [boundaries[0]]: values.write(reached), [boundaries[1]]: end })
  }

  etagOf(slice: StreamSlice): string | undefined {
    const { lastResponse } = this.#state
    const isSameStart =
      lastResponse !== undefined && equals(lastResponse.start, this.#startOf(slice))
    return isSameStart ? lastResponse.etag : undefined
  }

  keepEtag(slice: StreamSlice, etag: string): void {
    this.#etags.set(slice, etag)
  }

  endsBefore(slice: StreamSlice, record: Dict): boolean {
    const { boundaries, values } = this.#settings
    const value = this.#valueOf(record)
    return value !== undefined && values.compare(value, this.#bound(slice, boundaries[1])) > 0
  }

  headers(scope: RequestScope): Dict {
    return this.#settings.requestOptions.headers(scope)
  }

  params(scope: RequestScope): Dict {
    return this.#settings.requestOptions.params(scope)
  }

  bodyData(scope: RequestScope): Dict | string {
    return this.#settings.requestOptions.bodyData(scope)
  }

  bodyJson(scope: RequestScope): Dict {
    return this.#settings.requestOptions.bodyJson(scope)
  }

  #valueOf(record: Dict): T | undefined {
    const value = get(record, this.field) ?? null
    const parsed = value === null ? undefined : this.#settings.values.parseOfRecord(value)
    if (parsed === undefined && !this.#hasWarned) {
      this.#hasWarned = true
      this.#settings.warn(
        'a record has no cursor value that can be read: it is emitted and does not move the state',
      )
    }
    return parsed
  }

  #readInterval(slice: StreamSlice, mostRecent: T | undefined) {
    const { boundaries, stateFollows, values, streamName } = this.#settings
    if (stateFollows === 'bounds') {
      const [start, end] = [this.#bound(slice, boundaries[0]), this.#bound(slice, boundaries[1])]
      return { start, end, mostRecent: this.#beforeRead(mostRecent) }
    }
    if (mostRecent === undefined || !values.isTruthy(mostRecent)) return undefined
    if (this.#hasClosedSlice)
      throw new SourceError(
        `Stream ${streamName} was read in more than one slice, which its cursor cannot keep the state of.`,
        { failureType: 'system_error' },
      )
    return { start: this.#syncStart, end: mostRecent, mostRecent }
  }

  #keepLastResponse(slice: StreamSlice): void {
    const etag = this.#etags.get(slice)
    this.#etags.delete(slice)
    this.#state.lastResponse =
      etag === undefined ? undefined : { start: this.#startOf(slice), etag }
  }

  #startOf({ cursorSlice }: StreamSlice): Value {
    return get(cursorSlice, this.#settings.boundaries[0]) ?? null
  }

  /**
   * A record that is newer than the beginning of the read was changed meanwhile. So may others have been, on
   * pages that were read before their change: the state must not pass it.
   */
  #beforeRead(mostRecent: T | undefined): T | undefined {
    const end = this.#rangeEnd
    const { values, staysBeforeRead = false } = this.#settings
    if (!staysBeforeRead || mostRecent === undefined || end === undefined) return mostRecent
    return values.compare(mostRecent, end) > 0 ? end : mostRecent
  }

  #bound(slice: StreamSlice, name: string): T {
    const { values, streamName } = this.#settings
    const value: Value | undefined = get(slice.merged, name)
    const parsed = value === undefined ? undefined : values.parseOfRecord(value)
    if (parsed !== undefined) return parsed
    throw new SourceError(
      `Stream ${streamName} has a slice without a valid "${name}" bound: its state cannot be saved.`,
      { failureType: 'system_error' },
    )
  }

  #cursorSlice([start, end]: Window<T>): Dict {
    const { boundaries, values } = this.#settings
    return { [boundaries[0]]: values.write(start), [boundaries[1]]: values.write(end) }
  }

  #sliceWith(slice: StreamSlice, cursorSlice: Dict): StreamSlice {
    return new StreamSlice({
      partition: slice.partition,
      cursorSlice,
      extraFields: slice.extraFields,
    })
  }

  /**
   * Records that the lookback window re-reads are kept, but none below the configured start, unless the state
   * is.
   */
  #findLowestToSync(): T {
    const { values, rules } = this.#settings
    const { lookback, start } = rules
    if (lookback === null) return this.#syncStart
    const lower = this.#lookBack(lookback)
    if (lower === undefined) return this.#syncStart
    if (!values.isTruthy(start)) return lower
    const floor = values.compare(start, this.#syncStart) < 0 ? start : this.#syncStart
    return values.compare(lower, floor) < 0 ? floor : lower
  }

  /** Undefined before the first day there is. */
  #lookBack(lookback: (value: T) => T): T | undefined {
    try {
      return lookback(this.#syncStart)
    } catch (error) {
      if (error instanceof PythonError && error.kind === 'OverflowError') return undefined
      throw error
    }
  }
}
