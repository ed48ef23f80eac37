import type { StreamProgress, StreamResult } from '../../engine/run-types.ts'
import { addCounts, noCounts } from '../../sinks/committed-counts.ts'
import { streamIdOf, streamKey, type StreamId } from '../../protocol/index.ts'
import type { CommittedCounts, TableNote } from '../../sinks/sink.ts'
import type { Run, RunStream } from '../runs/schema.ts'

/** The streams of a run: an attempt adds to the results of the previous ones. */
export class AttemptStreams {
  readonly #before: ReadonlyMap<string, RunStream>
  readonly #now: Map<string, RunStream>

  constructor(before: readonly RunStream[]) {
    this.#before = new Map(before.map((stream) => [streamKey(stream), stream]))
    this.#now = new Map(this.#before)
  }

  /**
   * Takes over the streams that the retried run completed: they are not read again. Their rejected records
   * count in this run too, because the destination still does not have them.
   */
  keep(retried: Pick<Run, 'id' | 'streams'>): void {
    for (const stream of retried.streams) {
      if (stream.status !== 'complete') continue
      const { rejected } = stream
      const earlierWarnings = rejected > 0 ? stream.warnings : []
      const warnings = [...earlierWarnings, `complete since ${retried.id}, not read again`]
      this.#set(streamIdOf(stream), { status: 'complete', rejected, warnings })
    }
  }

  /**
   * The streams of this attempt. A complete one is not among them; others that are not among them are gone.
   */
  begin(ids: readonly StreamId[]): void {
    const keys = new Set(ids.map(streamKey))
    for (const [key, { status }] of this.#now)
      if (status !== 'complete' && !keys.has(key)) this.#now.delete(key)
    for (const id of ids) this.#set(id, { status: 'waiting', bottleneck: null, error: null })
  }

  progress(streams: readonly StreamProgress[]): void {
    for (const progress of streams) {
      const { stream, status, readBytes, bottleneck = null } = progress
      const before = this.#before.get(streamKey(stream))
      this.#set(stream, {
        status,
        ...countsOf(progress, before),
        readBytes: readBytes + (before?.readBytes ?? 0),
        bottleneck,
      })
    }
  }

  result(streams: readonly StreamResult[]): void {
    this.progress(streams)
    for (const { stream, error = null, warnings, tableNotes } of streams) {
      const { warnings: before = [], tableChanges = [] } = this.#before.get(streamKey(stream)) ?? {}
      this.#set(stream, {
        error,
        warnings: [...new Set([...before, ...warnings])],
        tableChanges: distinct([...tableChanges, ...tableNotes]),
        bottleneck: null,
      })
    }
  }

  /** The attempt is over: nothing of it is running any more. */
  settle(): void {
    for (const [key, stream] of this.#now) {
      if (stream.status === 'running') this.#now.set(key, { ...stream, status: 'stopped' })
    }
  }

  get all(): readonly RunStream[] {
    return [...this.#now.values()]
  }

  #set(id: StreamId, change: Partial<RunStream>): void {
    const key = streamKey(id)
    this.#now.set(key, { ...(this.#now.get(key) ?? emptyStream(id)), ...change })
  }
}

/**
 * The destination says what earlier attempts committed. Those attempts may have been killed after their last
 * heartbeat, or before the first, so they read at least as much as they committed. A complete stream has
 * read, once, everything that has arrived by its end.
 */
function countsOf(
  progress: StreamProgress,
  before: RunStream | undefined,
): Pick<RunStream, 'read' | 'readAgain' | keyof CommittedCounts> {
  const earlier = progress.before ?? before ?? noCounts
  const committed = addCounts(progress, earlier)
  const { read, readAgain } = progress
  const readBefore = Math.max(
    earlier.loaded + earlier.rejected,
    (before?.read ?? 0) + (before?.readAgain ?? 0),
  )
  if (readBefore === 0) return { read, readAgain, ...committed }
  const reads = read + readAgain + readBefore
  if (progress.status !== 'complete') return { read: reads, readAgain: 0, ...committed }
  const arrived = committed.loaded + committed.rejected
  return { read: arrived, readAgain: Math.max(0, reads - arrived), ...committed }
}

export function emptyStream({ name, namespace }: StreamId): RunStream {
  return {
    name,
    namespace: namespace ?? null,
    status: 'waiting',
    read: 0,
    readAgain: 0,
    readBytes: 0,
    ...noCounts,
    bottleneck: null,
    error: null,
    warnings: [],
    tableChanges: [],
  }
}

/** A later attempt repeats the notes of an earlier one that died before it reported them. */
function distinct(notes: readonly TableNote[]): readonly TableNote[] {
  return [...new Map(notes.map((note) => [JSON.stringify(note), note])).values()]
}
