import { z } from 'zod'
import { urlPath } from '../../action.ts'
import { quoted } from './object-query.ts'
import { SalesforceRefusal, type SalesforceApi } from './salesforce-api.ts'

export interface PurgedRecord {
  readonly id: string
  /** ISO 8601. */
  readonly time: string
}

const listSchema = z.object({
  deletedRecords: z.array(z.object({ id: z.string(), deletedDate: z.string() })),
})

/** Salesforce remembers no longer ago; an hour is left for the read. */
const rememberedMs = (30 * 24 - 1) * 3_600_000
const minuteMs = 60_000
/** Ids in the address of a request. */
const idsOfQuery = 300

/**
 * The records that are gone for good, so that no query shows them any more. Salesforce keeps a log of
 * deletions.
 * @param seen ids of records that a query showed as deleted
 */
export async function purgedRecords(
  api: SalesforceApi,
  object: string,
  {
    from,
    to,
    seen,
  }: { readonly from: string; readonly to: string; readonly seen: ReadonlySet<string> },
): Promise<readonly PurgedRecord[]> {
  const toMs = Date.parse(to)
  const fromMs = Math.max(Date.parse(from), toMs - rememberedMs)
  const range = {
    start: new Date(Math.min(fromMs, toMs - 2 * minuteMs)).toISOString(),
    end: new Date(toMs).toISOString(),
  }
  const parsed = listSchema.safeParse(await api.get(urlPath`sobjects/${object}/deleted/`, range))
  if (!parsed.success) throw api.unreadable('It is no list of deletions.')
  const missing = parsed.data.deletedRecords
    .map(({ id, deletedDate }) => ({ id, time: deletedDate.replace(/\+0000$/, 'Z') }))
    .filter(({ id, time }) => !seen.has(id) && Date.parse(time) >= fromMs)
  const there = await existing(
    api,
    object,
    missing.map(({ id }) => id),
  )
  return missing.filter(({ id }) => !there.has(id))
}

/** Ids of records that are there, in the recycle bin too. */
async function existing(
  api: SalesforceApi,
  object: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (let start = 0; start < ids.length; start += idsOfQuery) {
    const list = ids
      .slice(start, start + idsOfQuery)
      .map(quoted)
      .join(',')
    const soql = `SELECT Id FROM ${object} WHERE Id IN (${list})`
    const { records } = await api.query(soql, { withDeleted: true })
    for (const { Id: id } of records) if (typeof id === 'string') found.add(id)
  }
  return found
}

/** Whether the object has no log of deletions, or the user may not see it. */
export function hasNoLog(error: unknown): boolean {
  return error instanceof SalesforceRefusal
}
