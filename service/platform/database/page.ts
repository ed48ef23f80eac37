import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import type { Page, PageRequest } from '../lists.ts'

/** The lists. A cursor is only valid for its own list. */
export type ListName =
  | 'instances'
  | 'connections'
  | 'runs'
  | 'schemas'
  | 'api-keys'
  | 'users'
  | 'audit'
  | 'sandboxes'
  | 'receivers'
  | 'deliveries'

export interface PagePlace {
  readonly limit: number
  /** The key of the last item of the previous page; null: the first page. */
  readonly after: string | null
}

const standardLimit = 50
const maxLimit = 200
const cursorShape = z.tuple([z.string(), z.string().min(1).max(200)])

/**
 * The start of a page. A cursor is the list's name and the last key, nothing secret: an invented one only
 * leads to items that the caller may see anyway, because the key is a bound value of an index scan. So it is
 * validated, not signed.
 */
export function pagePlace(list: ListName, request: PageRequest): PagePlace {
  const limit = Math.min(Math.max(Math.trunc(request.limit ?? standardLimit), 1), maxLimit)
  return { limit, after: request.cursor === undefined ? null : readCursor(list, request.cursor) }
}

/** How many rows to read at once if some are not shown. */
const shownChunk = 500

/**
 * The rows of a page, and one more if there is one, without rows that are not shown. The last row is always
 * shown, so a cursor never contains the name of a hidden item.
 */
export async function readShown<Row>(
  place: PagePlace,
  read: (after: string | null, count: number) => Promise<readonly Row[]>,
  options: { key(row: Row): string; readonly shown?: ((row: Row) => boolean) | null | undefined },
): Promise<readonly Row[]> {
  const wanted = place.limit + 1
  const { shown } = options
  if (shown === null || shown === undefined) return read(place.after, wanted)
  const rows: Row[] = []
  let { after } = place
  for (;;) {
    const chunk = await read(after, shownChunk)
    rows.push(...chunk.filter((row) => shown(row)))
    const last = chunk.at(-1)
    if (rows.length >= wanted || chunk.length < shownChunk || last === undefined)
      return rows.slice(0, wanted)
    after = options.key(last)
  }
}

/** `rows` is one more than the limit if there is a next page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  place: PagePlace,
  as: { readonly list: ListName; key(row: Row): string; item(row: Row): Item },
): Page<Item> {
  const shown = rows.slice(0, place.limit)
  const last = shown.at(-1)
  const more = rows.length > place.limit && last !== undefined
  return {
    items: shown.map((row) => as.item(row)),
    next: more ? cursorOf(as.list, as.key(last)) : null,
  }
}

function cursorOf(list: ListName, key: string): string {
  return Buffer.from(JSON.stringify([list, key])).toString('base64url')
}

function readCursor(list: ListName, cursor: string): string {
  const parsed = cursorShape.safeParse(parseJson(cursor.slice(0, 1_000)))
  const [name, key] = parsed.data ?? []
  if (name !== list || key === undefined || key.includes('\0') || cursorOf(list, key) !== cursor)
    throw new ConnectError('cursor_invalid')
  return key
}

function parseJson(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
