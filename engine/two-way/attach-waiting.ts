import { otherSide, withSide, type SideName } from '../../sinks/two-way/link.ts'
import type { StoredLink } from './link-store.ts'
import type { PairStream, SyncContext } from './pair-types.ts'

/** A record of a side that has no link yet. */
interface UnlinkedRecord {
  readonly id: string
  /** Its match value. */
  readonly value: string | null
}

/**
 * A record may belong to a link that waits for it: the other side had its counterpart first, and it was not
 * created here, because that is not allowed, or because this side refused it. Only one record and one link
 * of the same match value belong together for certain.
 */
export async function attachWaiting(
  records: readonly UnlinkedRecord[],
  side: SideName,
  { stream, context }: { readonly stream: PairStream; readonly context: SyncContext },
): Promise<readonly StoredLink[]> {
  const other = otherSide(side)
  const { matchField } = stream
  const own = Map.groupBy(records, ({ value }) => value ?? '')
  const values = [...own.keys()].filter((value) => value !== '' && own.get(value)?.length === 1)
  if (matchField === undefined || values.length === 0) return []
  const found = await context.sides[other].findByField(stream.name, matchField, values)
  const ids = found.map(({ id }) => id)
  const stored = await context.store.findByRecord(stream.name, other, ids)
  const waiting = new Map(
    stored
      .filter(({ link }) => link.status === 'linked' && link[side].id === null)
      .map((link) => [link.link[other].id, link]),
  )
  const candidates = Map.groupBy(found, ({ value }) => value)
  return values.flatMap((value) => {
    const [record] = own.get(value) ?? []
    const [candidate, ...more] = candidates.get(value) ?? []
    const link = more.length > 0 || candidate === undefined ? undefined : waiting.get(candidate.id)
    if (record === undefined || link === undefined) return []
    return [{ ...link, link: withSide(link.link, side, { id: record.id }) }]
  })
}
