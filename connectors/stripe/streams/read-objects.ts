import { z } from 'zod'
import { ConnectError, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../../connector.ts'
import { StreamRequests } from '../../http/stream-requests.ts'
import type { LoadedManifest } from '../../manifest/load-manifest-file.ts'
import { ChangedObjects, presentRecord } from './changed-objects.ts'
import { keptEventSeconds, type ObjectStream } from './object-stream.ts'
import { StreamObjects } from './stream-objects.ts'
import { StripeLists } from './stripe-lists.ts'

/**
 * How far a stream of objects is read.
 *
 * `changed`: all that happened before this second is read, apart from what `listing` lacks; events from then
 * on are to be read. Seconds since 1970, by Stripe's clock. `listing`: after which object the list of all
 * objects goes on, or null at its beginning; absent after its end.
 */
const stateSchema = z.object({
  changed: z.int(),
  listing: z.object({ after: z.string(), created: z.int().nullable() }).nullable().exactOptional(),
})
type ObjectState = z.output<typeof stateSchema>

/** Stripe shows some events late: this time is read again. */
const lagSeconds = 300
/** An hour is left for the read itself. */
const eventSeconds = keptEventSeconds - 3_600

interface ReadOptions {
  readonly loaded: LoadedManifest
  readonly objects: ObjectStream
  readonly out: RecordOutput
  readonly context: ConnectorContext
}

/**
 * Reads a stream of objects: the list of all of them first, page by page, and from then on what Stripe's
 * events say has changed. An object that an event names is requested again, as the event holds it in another
 * version of the API and as it was at that time. An object that is gone has `_ab_cdc_deleted_at`.
 *
 * `changed` orders the versions of an object. One from the list has the second at which the list began (less
 * the lag), one from an event the second of its last event: it was requested after that, so a higher
 * `changed` never has older contents.
 */
export async function readObjects(
  task: ReadTask,
  options: ReadOptions,
): Promise<'complete' | 'stopped'> {
  const { loaded, out, context } = options
  const stream = task.stream.stream.name
  await using requests = new StreamRequests({ loaded, config: task.config, stream, out, context })
  const read = new ObjectRead(task, options, new StripeLists(requests, stream))
  try {
    await read.run()
    return 'complete'
  } catch (error) {
    if (!context.signal.aborted) throw error
    await read.coverRecords()
    return 'stopped'
  }
}

class ObjectRead {
  readonly #task: ReadTask
  readonly #options: ReadOptions
  readonly #lists: StripeLists
  readonly #objects: StreamObjects
  #state: ObjectState | null
  #isCovered = true

  constructor(task: ReadTask, options: ReadOptions, lists: StripeLists) {
    this.#task = task
    this.#options = options
    this.#lists = lists
    this.#objects = new StreamObjects(lists, options.objects)
    this.#state = this.#usableState()
  }

  async run(): Promise<void> {
    const isDone = this.#state !== null && this.#state.listing === undefined
    if (!isDone) await this.#readList()
    // A full read is complete with the list: objects that changed since would come twice.
    if (this.#task.stream.sync_mode === 'incremental') await this.#readChanges()
    else if (isDone && this.#state !== null) await this.#cover(this.#state)
  }

  /** Gives the last state again if records came after it: a read that starts from it gives them again. */
  async coverRecords(): Promise<void> {
    if (!this.#isCovered && this.#state !== null) await this.#cover(this.#state)
  }

  /** Null if everything is to be read. */
  #usableState(): ObjectState | null {
    const { state, stream } = this.#task
    if (state === null) return null
    const parsed = stateSchema.safeParse(state)
    const { name } = stream.stream
    if (!parsed.success) {
      const reason = 'its state is not one of this connector. Reset the stream'
      throw new ConnectError('source_mismatch', { details: { subject: `Stream ${name}`, reason } })
    }
    const { context } = this.#options
    // A full read that goes on needs no events.
    if (stream.sync_mode === 'full_refresh') return parsed.data
    if (parsed.data.changed >= context.now() / 1000 - eventSeconds) return parsed.data
    const since = new Date(parsed.data.changed * 1000).toISOString()
    context.warn?.(
      `Stripe keeps events for 30 days, and this stream was last read up to ${since}: all of it is read again. Objects that were deleted at Stripe since then stay in the table. To take them out, reset the stream and empty its table.`,
    )
    return null
  }

  async #readList(): Promise<void> {
    const pages = this.#objects.pages(this.#startFilter(), this.#state?.listing ?? null)
    for await (const { objects, next, serverTime } of pages) {
      const changed = this.#state?.changed ?? this.#secondsNow(serverTime) - lagSeconds
      const present = objects.map((object) => presentRecord(object, changed))
      this.#state ??= { changed, listing: null }
      await this.#give(present)
      await this.#cover(next === null ? { changed } : { changed, listing: next })
      this.#options.context.signal.throwIfAborted()
    }
  }

  /** The configuration may leave old objects out. */
  #startFilter(): Record<string, JsonValue> {
    const { start_date: start } = this.#task.config
    if (typeof start !== 'string' || !this.#options.objects.filters_created) return {}
    return { 'created[gte]': Math.floor(Date.parse(start) / 1000) }
  }

  async #readChanges(): Promise<void> {
    const { objects: stream, context } = this.#options
    const { signal } = context
    const options = { lists: this.#lists, objects: this.#objects, stream }
    let isLast = false
    while (!isLast) {
      signal.throwIfAborted()
      const from = this.#state?.changed ?? 0
      const changes = new ChangedObjects(options, from)
      const serverTime = this.#secondsNow(await changes.findEvents())
      for await (const records of changes.records()) {
        await this.#give(records)
        signal.throwIfAborted()
      }
      isLast = changes.end > serverTime
      const changed = isLast ? Math.max(from, serverTime - lagSeconds) : changes.end
      await this.#cover({ changed })
    }
  }

  #secondsNow(serverTime: number | undefined): number {
    return serverTime ?? Math.floor(this.#options.context.now() / 1000)
  }

  async #give(records: readonly JsonObject[]): Promise<void> {
    if (records.length === 0) return
    this.#isCovered = false
    await this.#options.out.records(records)
  }

  async #cover(state: ObjectState): Promise<void> {
    this.#state = state
    await this.#options.out.state(state)
    this.#isCovered = true
  }
}
