import type {
  FollowEvents,
  PairSide,
  RecordRead,
  RecoveredWrite,
  SideWrite,
  SideWriteResult,
  SweptRecord,
} from '../pair-side.ts'
import type { WriteResult } from '../../../sinks/two-way/apply-write.ts'
import type { Values } from '../../../sinks/two-way/link.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { isRowRefusal, isStillReferenced } from './side-error.ts'
import {
  findSql,
  insertSql,
  readSql,
  removeSql,
  sweepSql,
  updateSql,
  valuesIn,
  type ReadRow,
} from './side-sql.ts'
import type { TableChanges } from './table-changes.ts'
import type { TableShape } from './table-shape.ts'
import type { TwoWaySession } from './two-way-session.ts'

export interface PostgresSideOptions {
  readonly session: TwoWaySession
  readonly shapes: ReadonlyMap<string, TableShape>
  /** Opens a session of its own for a sweep, which is one transaction. */
  readonly sweeps: () => TwoWaySession
  readonly changes: TableChanges
}

/**
 * Tables of a PostgreSQL database as a side. Reads are never late. A write and the note that it was carried
 * out are one transaction, in `reactor_connect.two_way_writes` of the same database: no crash doubles or
 * loses one.
 */
export class PostgresSide implements PairSide {
  readonly facts = { lagMs: 0, settleMs: 0 } as const
  readonly #session: TwoWaySession
  readonly #sweeps: () => TwoWaySession
  readonly #shapes: ReadonlyMap<string, TableShape>
  readonly #changes: TableChanges

  constructor({ session, shapes, sweeps, changes }: PostgresSideOptions) {
    this.#session = session
    this.#shapes = shapes
    this.#sweeps = sweeps
    this.#changes = changes
  }

  /** Makes the table of the writes, if it is not there yet. */
  async setUp(): Promise<void> {
    await this.#session.rows('CREATE SCHEMA IF NOT EXISTS reactor_connect')
    await this.#session.rows(`CREATE TABLE IF NOT EXISTS reactor_connect.two_way_writes (
      id text PRIMARY KEY, record text, version text, values json, is_written boolean NOT NULL,
      written_at timestamptz NOT NULL DEFAULT now())`)
    await this.#session.rows(
      `DELETE FROM reactor_connect.two_way_writes WHERE written_at < now() - interval '30 days'`,
    )
  }

  async *sweep(stream: string, signal: AbortSignal): AsyncGenerator<readonly SweptRecord[]> {
    await using session = this.#sweeps()
    await session.rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await session.rows(`DECLARE swept NO SCROLL CURSOR FOR ${sweepSql(this.#shape(stream))}`)
    while (!signal.aborted) {
      const rows = await session.rows<SweptRecord & Record<string, unknown>>(
        'FETCH FORWARD 5000 FROM swept',
      )
      if (rows.length === 0) return
      yield rows
    }
  }

  follow(events: FollowEvents): Promise<void> {
    return this.#changes.begin(events)
  }

  changedIds(stream: string): Promise<readonly string[]> {
    return this.#changes.take(stream)
  }

  async read(stream: string, ids: readonly string[]): Promise<readonly RecordRead[]> {
    if (ids.length === 0) return []
    const shape = this.#shape(stream)
    const rows = await this.#session.rows<ReadRow>(readSql(shape), [ids])
    const byId = new Map(rows.map((row) => [row.id, row]))
    return ids.map((id) => recordRead(byId.get(id), shape))
  }

  async findByField(
    stream: string,
    field: string,
    values: readonly string[],
  ): Promise<readonly { readonly id: string; readonly value: string }[]> {
    return this.#session.rows<{ id: string; value: string }>(findSql(this.#shape(stream), field), [
      values,
    ])
  }

  /** All in one transaction. If a row is refused, each gets a transaction of its own. */
  async write(stream: string, writes: readonly SideWrite[]): Promise<readonly SideWriteResult[]> {
    if (writes.length === 0) return []
    const shape = this.#shape(stream)
    try {
      return await this.#writeAll(shape, writes)
    } catch (thrown) {
      if (!isRowRefusal(thrown)) throw this.#session.error(thrown)
    }
    const results: SideWriteResult[] = []
    for (const write of writes) results.push(await this.#writeOne(shape, write))
    return results
  }

  async #writeOne(shape: TableShape, write: SideWrite): Promise<SideWriteResult> {
    try {
      const [result = { outcome: 'unknown' }] = await this.#writeAll(shape, [write])
      return result
    } catch (thrown) {
      if (!isRowRefusal(thrown)) throw this.#session.error(thrown)
      // Its children may be deleted later in the round.
      if (write.operation === 'delete' && isStillReferenced(thrown)) return { outcome: 'changed' }
      return { outcome: 'refused', reason: this.#session.error(thrown).message }
    }
  }

  async #writeAll(
    shape: TableShape,
    writes: readonly SideWrite[],
  ): Promise<readonly SideWriteResult[]> {
    const results = await this.#session.transaction<ReadRow>(
      writes.map((write) => statementOf(shape, write)),
    )
    return results.map(([row], index): SideWriteResult => {
      if (row === undefined) return { outcome: 'changed' }
      const isRemoved = writes[index]?.operation === 'delete'
      const values = isRemoved ? {} : valuesIn(row, shape)
      return { outcome: 'applied', id: row.id, values, version: null }
    })
  }

  /** A write that is still on its way fails when it arrives: its id is taken. */
  async recover(stream: string, writes: readonly SideWrite[]): Promise<readonly RecoveredWrite[]> {
    if (writes.length === 0) return []
    const shape = this.#shape(stream)
    const ids = writes.map(({ id }) => id)
    await this.#session.rows(
      `INSERT INTO reactor_connect.two_way_writes (id, is_written)
       SELECT id, false FROM unnest($1::text[]) id ORDER BY id ON CONFLICT (id) DO NOTHING`,
      [ids],
    )
    const rows = await this.#session.rows<WriteRow>(
      'SELECT id, record, values, is_written FROM reactor_connect.two_way_writes WHERE id = ANY($1::text[])',
      [ids],
    )
    const byId = new Map(rows.map((row) => [row.id, row]))
    return writes.map(({ id }) => recovered(byId.get(id), shape))
  }

  #shape(stream: string): TableShape {
    const shape = this.#shapes.get(stream)
    if (shape !== undefined) return shape
    const details = { stream, problem: 'this side has no table for it', fix: 'Name its table.' }
    throw new ConnectError('pair_stream_invalid', { details })
  }
}

interface WriteRow extends Record<string, unknown> {
  readonly id: string
  readonly record: string | null
  readonly values: readonly (string | null)[] | null
  readonly is_written: boolean
}

function recovered(row: WriteRow | undefined, shape: TableShape): RecoveredWrite {
  if (row?.is_written !== true || row.record === null) return { known: 'not_written' }
  const names = [...shape.fields.keys()]
  const values: Values = Object.fromEntries(
    names.map((name, index) => [name, row.values?.[index] ?? null]),
  )
  const result: WriteResult = { outcome: 'applied', id: row.record, values, version: null }
  return { known: 'result', result }
}

function recordRead(row: ReadRow | undefined, shape: TableShape): RecordRead {
  if (row === undefined)
    return shape.mayHideRows
      ? { read: { found: 'hidden' }, hash: null }
      : { read: { found: 'deleted', deletedAtMs: null }, hash: null }
  if (row.is_deleted) return { read: { found: 'deleted', deletedAtMs: row.deleted_at }, hash: null }
  if (!row.in_scope) return { read: { found: 'hidden' }, hash: null }
  const { id, hash, modified_at: modifiedAtMs } = row
  const values = valuesIn(row, shape)
  return { read: { found: 'present', id, values, version: null, modifiedAtMs }, hash }
}

function statementOf(shape: TableShape, write: SideWrite): readonly [string, readonly unknown[]] {
  switch (write.operation) {
    case 'create':
    case 'restore':
      return insertSql(shape, write)
    case 'update':
      return updateSql(shape, write)
    case 'delete':
    case 'mark_deleted':
      return removeSql(shape, write)
  }
}
