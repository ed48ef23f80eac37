import { withSide, type Link, type SideName } from './link.ts'

/**
 * A vendor merged two records of one side: `link` lost its record to the record `into`.
 *
 * If that one is linked itself, references lead there from now on, and the lost record is a deletion like any
 * other. If it is not, the link goes on with it: its values are compared with the base as an edit would be.
 */
export function mergeRecords(
  link: Link,
  side: SideName,
  into: { readonly id: string; readonly link: string | null },
): Link {
  if (into.link === link.id || link[side].id === into.id) return link
  return into.link === null
    ? withSide(link, side, { id: into.id, version: null, presence: 'present' })
    : { ...link, mergedInto: into.link }
}
