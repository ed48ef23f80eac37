import { z } from 'zod'
import type { ApiClient } from './api-client.ts'

/** The largest page. */
const pageSize = 200
const untouched = z.object({ items: z.array(z.unknown()) })

export interface Listing<Item extends z.ZodType> {
  readonly path: string
  readonly item: Item
  readonly query?: Readonly<Record<string, string | undefined>>
  /** How many at most; all if it is left out. */
  readonly limit?: number | undefined
}

/** The items of a list: as JSON, and parsed. */
export interface Listed<Document> {
  readonly json: readonly unknown[]
  readonly documents: readonly Document[]
}

/** Requests one page after the other. */
export async function listPages<Item extends z.ZodType>(
  client: ApiClient,
  { path, item, query = {}, limit = Number.MAX_SAFE_INTEGER }: Listing<Item>,
): Promise<Listed<z.output<Item>>> {
  const page = z.object({ items: z.array(item), next_cursor: z.string().nullable() })
  const json: unknown[] = []
  const documents: z.output<Item>[] = []
  let cursor: string | undefined
  do {
    const pageQuery = { ...query, cursor, limit: Math.min(pageSize, limit - json.length) }
    const answer = await client.ask({ method: 'GET', path, query: pageQuery }, page)
    json.push(...untouched.parse(answer.json).items)
    documents.push(...answer.document.items)
    cursor = answer.document.next_cursor ?? undefined
  } while (cursor !== undefined && json.length < limit)
  return { json, documents }
}
