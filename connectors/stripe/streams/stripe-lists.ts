import { urlPath } from '../../action.ts'
import type { StreamRequests, StreamResponse } from '../../http/stream-requests.ts'
import {
  ConnectError,
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'

export type StripeObject = JsonObject & { readonly id: string }

/** Where a list goes on: after the object `after`, which was created at `created`. */
export interface ListPosition {
  readonly after: string
  readonly created: number | null
}

export interface ListPage {
  readonly objects: readonly StripeObject[]
  /** Null after the last page. */
  readonly next: ListPosition | null
  readonly serverTime: number | undefined
}

export interface ListRequest {
  readonly path: string
  readonly params: Readonly<Record<string, JsonValue>>
  /** Whether the list can be narrowed to a time of creation. */
  readonly filtersCreated: boolean
  readonly from?: ListPosition | null
}

const pageSize = 100
/** How often the items of a list within an object are read from their beginning again. */
const maxRestarts = 5

/** Reads lists and single objects of Stripe. */
export class StripeLists {
  readonly #requests: StreamRequests
  readonly #stream: string

  constructor(requests: StreamRequests, stream: string) {
    this.#requests = requests
    this.#stream = stream
  }

  /** The pages of a list, newest first. Objects that are created meanwhile are before its first page. */
  async *pages(request: ListRequest): AsyncGenerator<ListPage> {
    let position = request.from ?? null
    do {
      const page = await this.#page(request, position)
      yield page
      position = page.next
    } while (position !== null)
  }

  async #page(request: ListRequest, position: ListPosition | null): Promise<ListPage> {
    const { path, params, filtersCreated } = request
    const base = { ...params, limit: pageSize }
    if (position === null) return this.#list(path, base)
    const next = await this.#get(path, { ...base, starting_after: position.after })
    if (next.status < 400) return this.#toPage(next)
    // The object of the position is gone. Others of its second may come again.
    return this.#list(path, {
      ...base,
      ...(filtersCreated && position.created !== null && { 'created[lte]': position.created }),
    })
  }

  async #list(path: string, params: ListRequest['params']): Promise<ListPage> {
    return this.#toPage(await this.#get(path, params))
  }

  /** Null if it is gone. */
  async object(
    path: string,
    id: string,
    params: ListRequest['params'],
  ): Promise<StripeObject | null> {
    const { status, body } = await this.#get(`${path}${urlPath`/${id}`}`, params)
    if (status >= 400) return null
    if (!isStripeObject(body)) throw this.#mismatch(`its object ${id} has no id`)
    return body.deleted === true ? null : body
  }

  /**
   * All items of a list within an object, which shows the `first` items. If the item at the end of a page was
   * deleted, the list is read from its beginning, because the items after it are not known. Null if the
   * object is gone.
   */
  async items({
    path,
    params,
    first,
  }: {
    readonly path: string
    readonly params: ListRequest['params']
    readonly first: readonly StripeObject[]
  }): Promise<readonly StripeObject[] | null> {
    const base = { ...params, limit: pageSize }
    let items = [...first]
    for (let restarts = 0; restarts <= maxRestarts;) {
      const last = items.at(-1)
      const after = last === undefined ? {} : { starting_after: last.id }
      const response = await this.#get(path, { ...base, ...after })
      if (response.status < 400) {
        const { objects, next } = this.#toPage(response)
        items.push(...objects)
        if (next === null) return items
      } else if (last === undefined) {
        return null
      } else {
        items = []
        restarts += 1
      }
    }
    const reason = `items of its list ${path} are deleted faster than the list can be read`
    const details = { subject: `Stream ${this.#stream}`, reason }
    throw new ConnectError('source_unavailable', { details })
  }

  #get(path: string, params: ListRequest['params']): Promise<StreamResponse> {
    return this.#requests.get('object_requester', { path, params })
  }

  #toPage({ status, body, serverTime }: StreamResponse): ListPage {
    if (status >= 400) throw this.#mismatch(`Stripe does not have its list (${String(status)})`)
    if (!isList(body)) throw this.#mismatch('a response is no list of objects')
    const { data: objects, has_more: isMore } = body
    const last = objects.at(-1)
    const hasMore = isMore && last !== undefined
    const next = hasMore ? { after: last.id, created: createdOf(last) } : null
    return { objects, next, serverTime }
  }

  #mismatch(reason: string): ConnectError {
    const details = { subject: `Stream ${this.#stream}`, reason }
    return new ConnectError('source_mismatch', { details })
  }
}

/** By hand: zod copies each object, which took 5 % of the CPU of a read. */
function isList(
  body: JsonValue,
): body is JsonObject & { readonly data: readonly StripeObject[]; readonly has_more: boolean } {
  if (!isJsonObject(body) || typeof body.has_more !== 'boolean') return false
  return isJsonList(body.data) && body.data.every(isStripeObject)
}

export function isStripeObject(value: JsonValue | undefined): value is StripeObject {
  return isJsonObject(value) && typeof value.id === 'string'
}

/** Seconds since 1970; null if it does not say. */
export function createdOf({ created }: JsonObject): number | null {
  return typeof created === 'number' ? created : null
}
