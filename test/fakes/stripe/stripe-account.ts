import { isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { collapse } from './expansions.ts'
import { resources, type Resource } from './resources.ts'
import { missing } from './stripe-error.ts'

export type Stored = JsonObject & {
  readonly id: string
  readonly object: string
  readonly created: number
}

const eventDays = 30

/**
 * The objects of an account, and the events of the last 30 days. A test changes it as the Dashboard would.
 */
export class StripeAccount {
  /** Seconds since 1970. */
  now = 1_770_000_000
  /** The version in which events hold their objects. */
  readonly eventVersion = '2020-08-27'
  readonly #objects = new Map<string, Stored[]>()
  readonly #deleted = new Map<string, Stored>()
  #count = 0

  /** The path of an object's list. */
  static pathOf(object: string): string {
    const found = Object.entries(resources).find(([, resource]) => resource.object === object)
    if (found === undefined) throw new Error(`the simulator knows no ${object}`)
    return found[0]
  }

  /** Returns the objects of a list, the newest first. */
  all(path: string): readonly Stored[] {
    const stored = this.#objects.get(path) ?? []
    if (path !== 'events') return stored
    return stored.filter(({ created }) => created >= this.now - eventDays * 86_400)
  }

  find(path: string, id: string): Stored | undefined {
    return this.all(path).find((object) => object.id === id)
  }

  deleted(path: string, id: string): Stored | undefined {
    const found = this.#deleted.get(id)
    return found?.object === this.#resource(path).object ? found : undefined
  }

  get(path: string, id: string, param?: string): Stored {
    const found = this.find(path, id)
    if (found === undefined) throw missing(this.#resource(path).object, id, param)
    return found
  }

  add(path: string, fields: JsonObject = {}): Stored {
    const resource = this.#resource(path)
    this.#count += 1
    const object: Stored = {
      livemode: false,
      ...(path === 'events' ? {} : { metadata: {} }),
      ...fields,
      id: typeof fields.id === 'string' ? fields.id : this.#newId(resource),
      object: resource.object,
      created: typeof fields.created === 'number' ? fields.created : this.now,
    }
    const stored = this.#objects.get(path) ?? []
    // Stable: of two in the same second the later one is the newer one.
    const position = stored.findIndex(({ created }) => created <= object.created)
    stored.splice(position < 0 ? stored.length : position, 0, object)
    this.#objects.set(path, stored)
    if (resource.isSilent !== true) this.tell(`${resource.event}.created`, object, object.created)
    return object
  }

  /** @param event null: Stripe sends no event */
  change(path: string, id: string, fields: JsonObject, event?: string | null): Stored {
    const before = this.get(path, id)
    const after: Stored = { ...before, ...fields }
    const stored = this.#objects.get(path) ?? []
    stored[stored.indexOf(before)] = after
    if (event !== null) this.tell(event ?? `${this.#resource(path).event}.updated`, after)
    return after
  }

  remove(path: string, id: string, options: { readonly isSilent?: boolean } = {}): JsonObject {
    const object = this.get(path, id)
    const resource = this.#resource(path)
    this.#objects.set(
      path,
      (this.#objects.get(path) ?? []).filter((other) => other !== object),
    )
    if (resource.deletion === 'marked') this.#deleted.set(id, object)
    if (options.isSilent !== true) this.tell(`${resource.event}.deleted`, object)
    return { id, object: resource.object, deleted: true }
  }

  /**
   * Adds an event. It holds the object as it is now, in the version of the account, without what is to be
   * expanded.
   */
  tell(type: string, object: Stored, created = this.now): Stored {
    const collapsed = collapse(object, StripeAccount.pathOf(object.object))
    const shown = { ...collapsed, from_event: true }
    return this.add('events', {
      type,
      created,
      api_version: this.eventVersion,
      data: { object: shown },
      pending_webhooks: 0,
      request: null,
    })
  }

  /** A list within an object: its first ten items. */
  embedded(items: readonly JsonObject[], url: string): JsonObject {
    return { object: 'list', data: items.slice(0, 10), has_more: items.length > 10, url }
  }

  #newId({ prefix }: Resource): string {
    return `${prefix}_${String(this.#count).padStart(6, '0')}`
  }

  #resource(path: string): Resource {
    const resource = resources[path]
    if (resource === undefined) throw new Error(`the simulator has no ${path}`)
    return resource
  }
}

/** The items of a list that is kept whole beside what is shown of it. */
export function wholeList(object: JsonObject, field: string): readonly JsonObject[] {
  const whole = object[`_all_${field}`] ?? object[field]
  if (Array.isArray(whole)) return whole.filter(isJsonObject)
  if (isJsonObject(whole) && Array.isArray(whole.data)) return whole.data.filter(isJsonObject)
  return []
}
