import type { Component } from '../../../manifest-interpreter/component.ts'
import { isPathDecoder } from '../../../manifest-interpreter/components/decoders/json-decoder.ts'
import { component } from '../../../manifest-interpreter/definition.ts'
import { entries, get, isDict } from '../../../manifest-interpreter/value/dict.ts'
import type { StreamSlice } from '../../../manifest-interpreter/value/stream-slice.ts'
import { str } from '../../../manifest-interpreter/value/text.ts'
import type { Value } from '../../../manifest-interpreter/value/value.ts'

/** As many as GitHub gives with a request. */
const maxSize = 100
const maxOverlap = 50

/**
 * Pages that have a number, so that they do not lose a record if others are removed meanwhile: each one
 * overlaps the one before it by at least one record. If it does not begin with a record that is known, the
 * list has moved, and the pages before it are requested again.
 *
 * `links`: the strategy that finds the URL of the next page, which may also be one without a number; or says
 * that there is none. The requests ask for 100 records with `per_page`, and the retriever gives a record that
 * comes again only once.
 */
export const numberedPages: Component<'paginationStrategy'> = (definition, builder, context) => {
  const { decoder } = context
  if (decoder === undefined || !isPathDecoder(decoder))
    throw new TypeError('pages with numbers need a JsonDecoder')
  decoder.keepWhole()
  const links = builder.build('paginationStrategy', component(definition, 'links'), context)
  const walks = new WeakMap<StreamSlice, ListWalk>()
  return {
    initialToken: () => links.initialToken(),
    pageSize: () => links.pageSize(),
    async next(page) {
      // It has no records, and so none that is known: the list ends here.
      if (page.response.isIgnored) return null
      const walk = walks.get(page.slice) ?? new ListWalk()
      walks.set(page.slice, walk)
      return walk.next(identitiesIn(await decoder.whole(page.response)), await links.next(page))
    },
  }
}

interface NumberedPage {
  readonly size: number
  /** From 0. */
  readonly index: number
}

const firstPage: NumberedPage = { size: maxSize, index: 0 }

/** How far a list is read. */
class ListWalk {
  readonly #known = new Set<string>()
  #page = firstPage
  /** Records that two pages have in common. Grows with a list from which records are removed fast. */
  #overlap = 1
  /** The URL of one of its pages. */
  #url: string | undefined

  /**
   * The URL of the page to request next; null at the end.
   *
   * @param identities of the records of the page that was requested last
   * @param link to the page after it
   */
  next(identities: readonly string[], link: Value): Value {
    const { size, index } = this.#page
    const [first] = identities
    const isConnected = index === 0 || (first !== undefined && this.#known.has(first))
    if (!isConnected && this.#url !== undefined) {
      this.#overlap = Math.min(maxOverlap, this.#overlap * 8)
      return this.#request(this.#url, pageFrom(size * index - maxSize))
    }
    for (const identity of identities) this.#known.add(identity)
    if (link === null) return null
    const url = str(link)
    if (!hasNumber(url)) {
      this.#page = firstPage
      return link
    }
    this.#url = url
    return this.#request(url, this.#pageAfter(endOf(this.#page)))
  }

  /** @param end how many records are read */
  #pageAfter(end: number): NumberedPage {
    for (let overlap = this.#overlap; overlap > 1; overlap = Math.floor(overlap / 2)) {
      const page = pageFrom(end - overlap)
      if (endOf(page) >= end + maxSize / 4) return page
    }
    return pageFrom(end - 1)
  }

  #request(url: string, page: NumberedPage): string {
    this.#page = page
    const next = new URL(url)
    next.searchParams.set('per_page', String(page.size))
    next.searchParams.set('page', String(page.index + 1))
    return next.href
  }
}

/**
 * The page that goes farthest of those that begin with the record at the offset or before it. Pages begin at
 * multiples of their size.
 */
export function pageFrom(offset: number): NumberedPage {
  if (offset < maxSize - 1) return firstPage
  const least = Math.ceil(offset / maxSize)
  let best = firstPage
  for (let index = least; index <= 2 * least; index += 1) {
    const page = { size: Math.floor(offset / index), index }
    if (endOf(page) > endOf(best)) best = page
  }
  return best
}

function endOf({ size, index }: NumberedPage): number {
  return size * (index + 1)
}

function hasNumber(url: string): boolean {
  return /[?&]page=\d+(?:&|$)/.test(url)
}

function identitiesIn(body: Value): readonly string[] {
  // Some lists stand in a field beside their length.
  const list = isDict(body) ? entries(body).find(([, value]) => Array.isArray(value))?.[1] : body
  return Array.isArray(list) ? list.map(identityOf) : []
}

/** The value that stays the same when a record changes. */
function identityOf(record: Value): string {
  if (!isDict(record)) return str(record)
  for (const name of ['id', 'sha', 'name']) {
    const value = get(record, name) ?? null
    if (value !== null) return str(value)
  }
  // A star.
  return identityOf(get(record, 'user') ?? null)
}
