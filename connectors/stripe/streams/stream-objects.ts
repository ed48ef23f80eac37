import { mapLimited } from '../../../lib/async/map-limited.ts'
import { concurrentRequests, EmbeddedLists, expansionsOf } from './embedded-lists.ts'
import type { ObjectStream } from './object-stream.ts'
import {
  type ListPage,
  type ListPosition,
  type ListRequest,
  type StripeLists,
  type StripeObject,
} from './stripe-lists.ts'

/**
 * The objects of a stream, from its list and one by one, in one shape: they include the fields that Stripe
 * returns only if it is asked to expand them, and all items of the lists within them, which Stripe ends after
 * ten.
 */
export class StreamObjects {
  readonly #lists: StripeLists
  readonly #stream: ObjectStream
  readonly #embedded: EmbeddedLists

  constructor(lists: StripeLists, stream: ObjectStream) {
    this.#lists = lists
    this.#stream = stream
    this.#embedded = new EmbeddedLists(lists, stream)
  }

  async *pages(
    params: ListRequest['params'],
    from: ListPosition | null = null,
  ): AsyncGenerator<ListPage> {
    const { path, params: own, filters_created: filtersCreated, expand } = this.#stream
    const expansions = expansionsOf(expand.map((field) => `data.${field}`))
    const request = { path, params: { ...own, ...expansions, ...params }, filtersCreated, from }
    for await (const page of this.#lists.pages(request))
      yield { ...page, objects: await this.#embedded.complete(page.objects) }
  }

  /** In the order of the ids; null for an object that is gone. */
  async byIds(ids: readonly string[]): Promise<readonly (StripeObject | null)[]> {
    return mapLimited(ids, concurrentRequests, (id) => this.#byId(id))
  }

  async #byId(id: string): Promise<StripeObject | null> {
    const { path, expand } = this.#stream
    const object = await this.#lists.object(path, id, expansionsOf(expand))
    return object === null ? null : this.#embedded.completeOne(object)
  }
}
