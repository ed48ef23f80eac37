import { mapLimited } from '../../../lib/async/map-limited.ts'
import {
  isJsonList,
  isJsonObject,
  valueAt,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import type { EmbeddedList, ObjectStream } from './object-stream.ts'
import {
  isStripeObject,
  type ListRequest,
  type StripeLists,
  type StripeObject,
} from './stripe-lists.ts'

/** Objects that are requested at the same time. */
export const concurrentRequests = 8

/**
 * Completes the lists within the objects of a stream, which Stripe ends after ten items. Without a request
 * for those that are whole.
 */
export class EmbeddedLists {
  readonly #lists: StripeLists
  readonly #stream: Pick<ObjectStream, 'expand' | 'lists'>

  constructor(lists: StripeLists, stream: Pick<ObjectStream, 'expand' | 'lists'>) {
    this.#lists = lists
    this.#stream = stream
  }

  async complete(objects: readonly StripeObject[]): Promise<readonly StripeObject[]> {
    const { lists } = this.#stream
    const isCut = (object: StripeObject) => lists.some(({ field }) => isTruncated(object, field))
    const cut = objects.filter(isCut)
    if (cut.length === 0) return objects
    const whole = await mapLimited(cut, concurrentRequests, (object) => this.completeOne(object))
    const byId = new Map(whole.map((object) => [object.id, object]))
    return objects.map((object) => byId.get(object.id) ?? object)
  }

  /** The object with all items of its lists. */
  async completeOne(object: StripeObject): Promise<StripeObject> {
    let whole = object
    for (const list of this.#stream.lists)
      if (isTruncated(whole, list.field)) whole = await this.#withItemsOf(whole, list)
    return whole
  }

  async #withItemsOf(object: StripeObject, list: EmbeddedList): Promise<StripeObject> {
    const { field, path } = list
    const prefix = `${field}.data.`
    const expand = this.#stream.expand.filter((name) => name.startsWith(prefix))
    const shown = valueAt(object, field.split('.'))
    const items = await this.#lists.items({
      path: path.replace(':id', encodeURIComponent(object.id)),
      params: expansionsOf(expand.map((name) => `data.${name.slice(prefix.length)}`)),
      first: isJsonObject(shown) && isJsonList(shown.data) ? shown.data.filter(isStripeObject) : [],
    })
    // The object was deleted since: an event says so.
    if (items === null || !isJsonObject(shown)) return object
    const changed = withValueAt(object, field, { ...shown, data: items, has_more: false })
    return { ...changed, id: object.id }
  }
}

/** The parameters that ask for these fields. */
export function expansionsOf(fields: readonly string[]): ListRequest['params'] {
  return fields.length === 0 ? {} : { 'expand[]': fields }
}

function isTruncated(object: JsonObject, field: string): boolean {
  const list = valueAt(object, field.split('.'))
  return isJsonObject(list) && list.has_more === true
}

function withValueAt(object: JsonObject, field: string, value: JsonValue): JsonObject {
  const [name = '', ...rest] = field.split('.')
  if (rest.length === 0) return { ...object, [name]: value }
  const inner = object[name]
  if (!isJsonObject(inner)) return object
  return { ...object, [name]: withValueAt(inner, rest.join('.'), value) }
}
