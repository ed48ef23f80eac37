import type { Conflict } from '../../../sinks/two-way/conflict.ts'
import type { Link, SideName } from '../../../sinks/two-way/link.ts'
import type {
  HistoryEntry,
  LinkChange,
  LinkPage,
  LinkStore,
  ScannedLink,
  StoredLink,
} from '../link-store.ts'

/** Everything that a preview would write, by link and side: several writes of one record are one. */
export interface RecordedWrite {
  readonly entry: HistoryEntry
  readonly link: Link
}

/** A store whose changes are noted on their way. It stands on temporary tables. */
export class PreviewStore implements LinkStore {
  readonly #store: LinkStore
  readonly writes = new Map<string, RecordedWrite>()
  readonly conflicts = new Map<string, Conflict>()
  readonly links = new Map<string, Link>()

  constructor(store: LinkStore) {
    this.#store = store
  }

  async save(change: LinkChange): Promise<void> {
    await this.#store.save(change)
    const saved = new Map(change.links.map(({ link }) => [link.id, link]))
    for (const conflict of change.conflicts) this.conflicts.set(conflict.id, conflict)
    for (const link of saved.values()) if (link.status !== 'linked') this.links.set(link.id, link)
    const withdrawn = new Set(change.withdrawn)
    for (const [id, { write }] of this.conflicts)
      if (write !== null && withdrawn.has(write)) this.conflicts.delete(id)
    for (const entry of change.history) {
      const link = saved.get(entry.link)
      if (link !== undefined) this.#note(entry, link)
    }
  }

  #note(entry: HistoryEntry, link: Link): void {
    const key = `${entry.side} ${entry.link}`
    const before = this.writes.get(key)?.entry
    const values = { ...before?.values, ...entry.values }
    const isMore = before !== undefined && entry.operation === 'update'
    this.writes.set(key, { link, entry: isMore ? { ...before, values } : entry })
  }

  findByRecord(
    stream: string,
    side: SideName,
    ids: readonly string[],
  ): Promise<readonly StoredLink[]> {
    return this.#store.findByRecord(stream, side, ids)
  }

  findLinks(ids: readonly string[]): Promise<readonly StoredLink[]> {
    return this.#store.findLinks(ids)
  }

  findDirty(stream: string, page: LinkPage): Promise<readonly StoredLink[]> {
    return this.#store.findDirty(stream, page)
  }

  scan(stream: string, side: SideName, page: LinkPage): Promise<readonly ScannedLink[]> {
    return this.#store.scan(stream, side, page)
  }

  countLinked(stream: string): Promise<number> {
    return this.#store.countLinked(stream)
  }

  findDecided(links: readonly string[]): ReturnType<LinkStore['findDecided']> {
    return this.#store.findDecided(links)
  }
}
