import type { Link, SideName, Values } from '../../sinks/two-way/link.ts'
import {
  linkOfReference,
  linkReference,
  referencedId,
  unlinkedReference,
  type FindLink,
} from '../../sinks/two-way/references.ts'
import type { SideRead } from '../../sinks/two-way/side-change.ts'
import type { LinkStore } from './link-store.ts'
import type { PairStream } from './pair-types.ts'

/** The links that the references of some records lead to, found in a few queries. */
export class ReferenceTable {
  readonly #byRecord = new Map<string, Link>()
  readonly #byId = new Map<string, Link>()
  readonly #fields: readonly { readonly name: string; readonly stream: string }[]

  constructor(stream: PairStream) {
    this.#fields = stream.fields.flatMap(({ name, references }) =>
      references === undefined ? [] : [{ name, stream: references }],
    )
  }

  /** Loads what the values of a side refer to. */
  async load(side: SideName, records: readonly Values[], store: LinkStore): Promise<void> {
    for (const { name, stream } of this.#fields) {
      const ids = new Set<string>()
      for (const values of records) {
        const id = idOf(values[name])
        if (id !== undefined && !this.#byRecord.has(keyOf(side, stream, id))) ids.add(id)
      }
      if (ids.size === 0) continue
      const found = await store.findByRecord(stream, side, [...ids])
      for (const { link } of found) {
        if (link[side].id !== null) this.#byRecord.set(keyOf(side, stream, link[side].id), link)
        await this.#add(link, store)
      }
    }
  }

  /** Loads links by their own ids. */
  async loadLinks(ids: readonly string[], store: LinkStore): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#byId.has(id))
    if (missing.length === 0) return
    for (const { link } of await store.findLinks(missing)) await this.#add(link, store)
  }

  async #add(link: Link, store: LinkStore): Promise<void> {
    let next: Link | undefined = link
    while (next !== undefined && !this.#byId.has(next.id)) {
      this.#byId.set(next.id, next)
      const { mergedInto }: Link = next
      next = mergedInto === null ? undefined : (await store.findLinks([mergedInto]))[0]?.link
    }
  }

  readonly findLink: FindLink = (id) => this.#byId.get(id)

  /** Ids of the side become links. */
  toShared(side: SideName, values: Values): Values {
    if (this.#fields.length === 0) return values
    const shared = { ...values }
    for (const { name, stream } of this.#fields) {
      const id = idOf(values[name])
      if (id === undefined) continue
      const link = this.#byRecord.get(keyOf(side, stream, id))
      shared[name] = link === undefined ? unlinkedReference(side, id) : linkReference(link.id)
    }
    return shared
  }

  readToShared(side: SideName, read: SideRead): SideRead {
    return read.found === 'present' ? { ...read, values: this.toShared(side, read.values) } : read
  }

  /** Links become ids of the side. The planner sends only references that have one. */
  toSide(side: SideName, values: Values): Values {
    if (this.#fields.length === 0) return values
    const own = { ...values }
    for (const { name } of this.#fields) {
      const value = values[name]
      if (value === undefined || value === null) continue
      own[name] =
        linkOfReference(value) === null
          ? ownId(value)
          : (referencedId(value, side, this.findLink) ?? null)
    }
    return own
  }

  /** As the record was read: a reference to a record that was merged or deleted since is the one to it. */
  toExpected(side: SideName, values: Values): Values {
    if (this.#fields.length === 0) return values
    const own = { ...values }
    for (const { name } of this.#fields) {
      const value = values[name]
      if (value === undefined || value === null) continue
      const link = linkOfReference(value)
      own[name] = link === null ? ownId(value) : (this.findLink(link)?.[side].id ?? null)
    }
    return own
  }
}

/** The id of a record that is not linked is only ever sent back to its own side, as what it expects. */
function ownId(value: Values[string]): Values[string] {
  return typeof value === 'object' && value !== null && 'unlinked' in value
    ? (value.unlinked ?? null)
    : null
}

function idOf(value: Values[string] | undefined): string | undefined {
  if (typeof value === 'string' && value !== '') return value
  return typeof value === 'number' ? String(value) : undefined
}

function keyOf(side: SideName, stream: string, id: string): string {
  return JSON.stringify([side, stream, id])
}
