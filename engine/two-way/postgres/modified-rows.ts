import type { FollowEvents } from '../pair-side.ts'
import { modifiedSql, newestSql } from './side-sql.ts'
import { mostChanges, type TableChanges } from './table-changes.ts'
import type { TableShape } from './table-shape.ts'
import type { TwoWaySession } from './two-way-session.ts'

interface ModifiedRow extends Record<string, unknown> {
  readonly id: string
  readonly modified: string
  /** The same, but never in the future. */
  readonly past: string
}

interface Seen {
  /** The newest time that was found, as text of the server; null: the table was empty. */
  newest: string | null
  /** The times of the records that the next question finds again. */
  readonly recent: Map<string, string>
}

/**
 * Asks tables for the rows whose time of the last change is new. Deleted rows, and those of a transaction
 * that set an old time and was committed late, are found by the sweeps.
 */
export class ModifiedRows implements TableChanges {
  readonly #shapes: ReadonlyMap<string, TableShape>
  readonly #session: TwoWaySession
  readonly #seen = new Map<string, Seen>()
  #events: FollowEvents | undefined

  constructor(shapes: ReadonlyMap<string, TableShape>, session: TwoWaySession) {
    this.#shapes = shapes
    this.#session = session
  }

  async begin(events: FollowEvents): Promise<void> {
    this.#events = events
    for (const [stream, shape] of this.#shapes) {
      if (!isTimed(shape)) continue
      this.#seen.set(stream, { newest: await this.#newest(shape), recent: new Map() })
    }
  }

  async take(stream: string): Promise<readonly string[]> {
    const shape = this.#shapes.get(stream)
    const seen = this.#seen.get(stream)
    if (shape === undefined || seen === undefined) return []
    const limit = mostChanges + 1
    const rows = await this.#session.rows<ModifiedRow>(modifiedSql(shape), [seen.newest, limit])
    if (rows.length === limit) {
      seen.newest = await this.#newest(shape)
      seen.recent.clear()
      this.#events?.missed()
      return []
    }
    const changed = rows.filter(({ id, modified }) => seen.recent.get(id) !== modified)
    seen.recent.clear()
    for (const { id, modified } of rows) seen.recent.set(id, modified)
    seen.newest = rows.at(-1)?.past ?? seen.newest
    return changed.map(({ id }) => id)
  }

  async #newest(shape: TableShape): Promise<string | null> {
    const [row] = await this.#session.rows<{ newest: string | null }>(newestSql(shape))
    return row?.newest ?? null
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

/** Whether changes of the table can be asked for. */
export function isTimed({ modified }: TableShape): boolean {
  return modified?.kind === 'time' || modified?.kind === 'local_time'
}
