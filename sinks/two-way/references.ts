import { isJsonObject, own, type JsonValue } from '../../protocol/index.ts'
import type { Link, SideName } from './link.ts'

/**
 * A reference is a field that holds the id of another linked record: a contact's account. Both sides have
 * ids of their own, so the shared value is the link of the record that it leads to.
 */
export function linkReference(link: string): JsonValue {
  return { link }
}

/** A record that is not linked (yet): the other side has no counterpart that could be written. */
export function unlinkedReference(side: SideName, id: string): JsonValue {
  return { unlinked: id, side }
}

/** Null: not a reference to a link. */
export function linkOfReference(value: JsonValue): string | null {
  const link = isJsonObject(value) ? own(value, 'link') : undefined
  return typeof link === 'string' ? link : null
}

export type FindLink = (id: string) => Link | undefined

/**
 * The id that a reference has on a side. Undefined: the record is not there (yet), so the field waits.
 * Follows records that a vendor has merged.
 */
export function referencedId(value: JsonValue, side: SideName, find: FindLink): string | undefined {
  const link = followMerges(linkOfReference(value), find)
  const { id = null, presence = 'deleted' } = link?.[side] ?? {}
  return id !== null && presence === 'present' ? id : undefined
}

/** A merge of two records that merged before ends the chain after so many steps, also if it is a circle. */
const maxMerges = 20

function followMerges(id: string | null, find: FindLink): Link | undefined {
  let link = id === null ? undefined : find(id)
  for (let step = 0; step < maxMerges && link?.mergedInto != null; step++)
    link = find(link.mergedInto)
  return link
}

/** A stream with the streams that its references lead to. */
export interface ReferringStream {
  readonly stream: string
  readonly references: readonly string[]
}

/**
 * The order in which streams are written: those that are referred to first. Streams of a circle come in the
 * order given: a reference whose record is not there yet waits for the next pass.
 */
export function parentsFirst(streams: readonly ReferringStream[]): readonly string[] {
  const byName = new Map(streams.map((stream) => [stream.stream, stream]))
  const ordered = new Set<string>()
  const open = new Set<string>()
  const visit = (name: string): void => {
    const stream = byName.get(name)
    if (stream === undefined || open.has(name)) return
    open.add(name)
    for (const parent of stream.references) visit(parent)
    ordered.add(name)
  }
  for (const { stream } of streams) visit(stream)
  return [...ordered]
}
