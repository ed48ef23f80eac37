import {
  type BucketAddress,
  BucketClient,
  type BucketClientOptions,
  BucketError,
  type BucketResponse,
} from './bucket-client.ts'
import { invalidList, parseListPage, requireWhole, type ListedObject } from './list-page.ts'

/** Lists and reads the objects of a bucket. Throws `BucketError`, and the reason of the signal. */
export class BucketReader {
  readonly #client: BucketClient

  constructor(address: BucketAddress, options: BucketClientOptions) {
    this.#client = new BucketClient(address, options)
  }

  /** The objects whose keys begin with the prefix, in the order of their keys, page by page. */
  async *list(
    prefix: string,
    { maxKeys = 1000 }: { readonly maxKeys?: number } = {},
  ): AsyncGenerator<readonly ListedObject[]> {
    for await (const { objects } of listPages(this.#client, { prefix, maxKeys })) {
      for (const object of objects) requireWhole(object)
      yield objects
    }
  }

  /**
   * The bytes of an object from `from` to `to` (exclusive), of the version that was listed. A connection that
   * is cut is made again where it ended.
   */
  async *read(
    { key, etag }: Pick<ListedObject, 'key' | 'etag'>,
    from: number,
    to: number,
  ): AsyncGenerator<Uint8Array> {
    let position = from
    for (let attempt = 1; position < to; attempt++) {
      try {
        for await (const chunk of await this.#open({ key, etag }, position, to)) {
          position += chunk.length
          attempt = 0
          yield chunk
        }
        if (position < to) throw new BucketError({ reason: 'its response ended too early' })
      } catch (error) {
        await this.#client.pause(error, attempt)
      }
    }
  }

  /** The newest version of an object; undefined if there is no such object. */
  async find(key: string): Promise<ListedObject | undefined> {
    for await (const objects of this.list(key, { maxKeys: 1 }))
      return objects.find((object) => object.key === key)
    return undefined
  }

  async #open(
    { key, etag }: Pick<ListedObject, 'key' | 'etag'>,
    from: number,
    to: number,
  ): Promise<AsyncIterable<Uint8Array>> {
    const headers = { 'If-Match': etag, Range: `bytes=${String(from)}-${String(to - 1)}` }
    const response = await this.#client.respond({ key, headers })
    const range = response.header('content-range')
    const isOtherVersion = (response.header('etag') ?? etag) !== etag
    const isWrongPart = range === undefined ? from > 0 : !range.startsWith(`bytes ${String(from)}-`)
    if (!isOtherVersion && !isWrongPart) return response.body
    await drop(response)
    if (isOtherVersion)
      throw new BucketError({ reason: 'it has another version of the object', status: 412 })
    throw new BucketError({ reason: 'it does not send parts of objects', status: 400 })
  }
}

export interface ListOptions {
  readonly prefix: string
  readonly maxKeys?: number
  /** Keys that have it after the prefix are only shown up to it (`ListPage.prefixes`). */
  readonly delimiter?: '/'
}

/** The pages of ListObjectsV2. */
export async function* listPages(
  client: BucketClient,
  { prefix, maxKeys = 1000, delimiter }: ListOptions,
): AsyncGenerator<Omit<ReturnType<typeof parseListPage>, 'next'>> {
  const query = {
    'list-type': '2',
    'encoding-type': 'url',
    'max-keys': String(maxKeys),
    ...(prefix !== '' && { prefix }),
    ...(delimiter !== undefined && { delimiter }),
  }
  let token: string | undefined
  do {
    const more = token === undefined ? {} : { 'continuation-token': token }
    const { text } = await client.text({ query: { ...query, ...more } })
    const page = parseListPage(text)
    if (page.next !== undefined && page.next === token)
      throw invalidList('the same continuation token twice in a row, and so no end')
    yield page
    token = page.next
  } while (token !== undefined)
}

async function drop({ body }: BucketResponse): Promise<void> {
  await body[Symbol.asyncIterator]().return?.()
}
