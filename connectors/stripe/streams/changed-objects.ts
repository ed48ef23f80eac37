import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import type { ObjectStream } from './object-stream.ts'
import type { StreamObjects } from './stream-objects.ts'
import { createdOf, isStripeObject, type StripeLists, type StripeObject } from './stripe-lists.ts'

/** How much time is read before a state follows: one day. */
const windowSeconds = 86_400
/** Objects that are requested before they are emitted. */
const partSize = 8

/** The last event of an object. */
interface LastEvent {
  readonly id: string
  readonly created: number
  /** The object as it was, if the event reports that it was deleted. */
  readonly deleted: JsonObject | undefined
}

/** The last event of each object of a stream. */
export class LastEvents {
  readonly #stream: ObjectStream
  readonly #byObject = new Map<string, LastEvent>()

  constructor(stream: ObjectStream) {
    this.#stream = stream
  }

  /**
   * Ignores an event of an object of another kind. If two events have the same second, the event that is
   * added first counts as the later one.
   */
  add(event: JsonObject, created: number): void {
    const { data, type } = event
    const object = isJsonObject(data) ? data.object : undefined
    if (!isStripeObject(object) || object.object !== this.#stream.object) return
    if (!isUsableId(object.id)) return
    const known = this.#byObject.get(object.id)
    if (known !== undefined && known.created >= created) return
    this.#byObject.set(object.id, {
      id: object.id,
      created,
      deleted: isDeletion(type) ? object : undefined,
    })
  }

  /** Undefined if there is none; it is not among the left ones any more. */
  take(id: string): LastEvent | undefined {
    const event = this.#byObject.get(id)
    this.#byObject.delete(id)
    return event
  }

  /**
   * The current objects of the remaining events. An object that is gone has the time of its event.
   * `asksForDeleted`: an object that an event calls deleted is requested too, and is returned if Stripe has
   * it.
   */
  async *records(
    objects: StreamObjects,
    { asksForDeleted }: { readonly asksForDeleted: boolean },
  ): AsyncGenerator<readonly JsonObject[]> {
    const left = [...this.#byObject.values()]
    for (let start = 0; start < left.length; start += partSize) {
      const events = left.slice(start, start + partSize)
      const asked = events.filter(({ deleted }) => asksForDeleted || deleted === undefined)
      yield await currentRecords(objects, events, asked)
    }
  }
}

/** Stripe has no longer ones; the others would be another path. */
function isUsableId(id: string): boolean {
  return id !== '' && id.length <= 255 && id !== '.' && id !== '..'
}

async function currentRecords(
  objects: StreamObjects,
  events: readonly LastEvent[],
  asked: readonly LastEvent[],
): Promise<readonly JsonObject[]> {
  const found = await objects.byIds(asked.map(({ id }) => id))
  const present = new Map(asked.map(({ id }, index) => [id, found[index] ?? null]))
  return events.map(({ id, created, deleted }) => {
    const object = present.get(id) ?? null
    if (object !== null) return presentRecord(object, created)
    const time = new Date(created * 1000).toISOString()
    return { ...(deleted ?? { id }), changed: created, _ab_cdc_deleted_at: time }
  })
}

export interface ChangedObjectsOptions {
  readonly lists: StripeLists
  readonly objects: StreamObjects
  readonly stream: ObjectStream
}

/** The changes in a window of time. Call `findEvents`, then `records`. */
export class ChangedObjects {
  /** The first second after the window. */
  readonly end: number
  readonly #lists: StripeLists
  readonly #objects: StreamObjects
  readonly #stream: ObjectStream
  readonly #window: { readonly 'created[gte]': number; readonly 'created[lte]': number }
  readonly #events: LastEvents

  constructor({ lists, objects, stream }: ChangedObjectsOptions, from: number) {
    this.#lists = lists
    this.#objects = objects
    this.#stream = stream
    this.#events = new LastEvents(stream)
    this.end = from + windowSeconds
    this.#window = { 'created[gte]': from, 'created[lte]': this.end - 1 }
  }

  /** Resolves with the time at which Stripe began to list the events. */
  async findEvents(): Promise<number | undefined> {
    const { events: types } = this.#stream
    let begin: number | undefined
    const pages = this.#lists.pages({
      path: 'events',
      params: { ...this.#window, 'types[]': types },
      filtersCreated: true,
    })
    for await (const { objects, serverTime } of pages) {
      begin ??= serverTime
      // Newest first: the first event of an object is its latest.
      for (const event of objects)
        this.#events.add(event, createdOf(event) ?? this.#window['created[gte]'])
    }
    return begin
  }

  async *records(): AsyncGenerator<readonly JsonObject[]> {
    if (this.#stream.filters_created) yield* this.#created()
    yield* this.#events.records(this.#objects, { asksForDeleted: false })
  }

  /**
   * The objects that were created in the window, a hundred per request. For some kinds of objects no event
   * reports their creation.
   */
  async *#created(): AsyncGenerator<readonly JsonObject[]> {
    for await (const { objects } of this.#objects.pages(this.#window)) {
      yield objects.map((object) => {
        const event = this.#events.take(object.id)
        const created = createdOf(object) ?? this.#window['created[gte]']
        return presentRecord(object, Math.max(event?.created ?? created, created))
      })
    }
  }
}

export function presentRecord(object: StripeObject, changed: number): JsonObject {
  return { ...object, changed, _ab_cdc_deleted_at: null }
}

/** A subscription that was canceled is called deleted, and is still there. */
function isDeletion(type: JsonValue | undefined): boolean {
  return (
    typeof type === 'string' &&
    type.endsWith('.deleted') &&
    type !== 'customer.subscription.deleted'
  )
}
