import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import type { EmbeddedList, ObjectStream } from './object-stream.ts'
import {
  isStripeObject,
  type ListPage,
  type ListPosition,
  type ListRequest,
  type StripeLists,
  type StripeObject,
} from './stripe-lists.ts'

/** Objects that are requested at the same time. */
const concurrentRequests = 8

/**
 * The objects of a stream, of its list and one by one, in one shape: with what Stripe gives only if it is asked to expand it, and with all
 * items of the lists within them, which Stripe ends after ten.
 */
export class StreamObjects {
  readonly #lists: StripeLists
  readonly #stream: ObjectStream

  constructor(lists: StripeLists, stream: ObjectStream) {
    this.#lists = lists
    this.#stream = stream
  }

  async *pages(
    params: ListRequest['params'],
    from: ListPosition | null = null,
  ): AsyncGenerator<ListPage> {
    const { path, params: own, filters_created: filtersCreated, expand } = this.#stream
    const expansions = expansionsOf(expand.map((field) => `data.${field}`))
    const request = { path, params: { ...own, ...expansions, ...params }, filtersCreated, from }
    for await (const page of this.#lists.pages(request))
      yield { ...page, objects: await this.#complete(page.objects) }
  }

  /** In the order of the ids; null for what is gone. */
  async byIds(ids: readonly string[]): Promise<readonly (StripeObject | null)[]> {
    return mapInParts(ids, (id) => this.#byId(id))
  }

  async #byId(id: string): Promise<StripeObject | null> {
    const { path, expand } = this.#stream
    const object = await this.#lists.object(path, id, expansionsOf(expand))
    return object === null ? null : this.#withAllItems(object)
  }

  async #complete(objects: readonly StripeObject[]): Promise<readonly StripeObject[]> {
    const { lists } = this.#stream
    const isCut = (object: StripeObject) => lists.some(({ field }) => isTruncated(object, field))
    const cut = objects.filter(isCut)
    if (cut.length === 0) return objects
    const whole = await mapInParts(cut, (object) => this.#withAllItems(object))
    const byId = new Map(whole.map((object) => [object.id, object]))
    return objects.map((object) => byId.get(object.id) ?? object)
  }

  async #withAllItems(object: StripeObject): Promise<StripeObject> {
    let whole = object
    for (const list of this.#stream.lists)
      if (isTruncated(whole, list.field)) whole = await this.#withItemsOf(whole, list)
    return whole
  }

  async #withItemsOf(object: StripeObject, list: EmbeddedList): Promise<StripeObject> {
    const { field, path } = list
    const prefix = `${field}.data.`
    const expand = this.#stream.expand.filter((name) => name.startsWith(prefix))
    const shown = valueAt(object, field)
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

function expansionsOf(fields: readonly string[]): ListRequest['params'] {
  return fields.length === 0 ? {} : { 'expand[]': fields }
}

function isTruncated(object: JsonObject, field: string): boolean {
  const list = valueAt(object, field)
  return isJsonObject(list) && list.has_more === true
}

function valueAt(object: JsonObject, field: string): JsonValue | undefined {
  let value: JsonValue | undefined = object
  for (const name of field.split('.')) value = isJsonObject(value) ? value[name] : undefined
  return value
}

function withValueAt(object: JsonObject, field: string, value: JsonValue): JsonObject {
  const [name = '', ...rest] = field.split('.')
  if (rest.length === 0) return { ...object, [name]: value }
  const inner = object[name]
  if (!isJsonObject(inner)) return object
  return { ...object, [name]: withValueAt(inner, rest.join('.'), value) }
}

async function mapInParts<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += concurrentRequests) {
    const part = items.slice(at, at + concurrentRequests)
    results.push(...(await Promise.all(part.map(map))))
  }
  return results
}
