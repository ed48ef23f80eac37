import type pg from 'pg'
import { ConnectError, type Column } from '../../protocol/index.ts'
import type { LaneCheckpoint, LaneStats, RecordBlock, SinkLane, StreamSync } from '../sink.ts'
import { AvroToCopyText, type LoadColumn } from './avro-to-copy-text.ts'
import { streamKey } from './bookkeeping.ts'
import { CopySession, refusedCell } from './copy-session.ts'
import { quoteIdentifier, quoteTable, type TableName } from './identifiers.ts'
import { deletedAtColumn, mergeStatements, missingColumn, stagedTable } from './merge-sql.ts'
import { connectPostgres, type PostgresTarget } from './postgres-address.ts'
import { destinationError } from './postgres-errors.ts'
import { RowIdentity } from './row-identity.ts'
import { cursorColumn, isDedup, keyColumns, loadTable } from './stream-table.ts'
import {
  addMetaColumn,
  extractedAtColumn,
  generationColumn,
  loadColumns,
  metaColumn,
  rawIdColumn,
  readLayout,
} from './table-layout.ts'

const chunkBytes = 128 * 1024
/** Cells that one flush may set to NULL one by one before it gives up: each costs sending the batch again. */
const maxRefusedCells = 100

/** Opens the session of a lane. */
export async function openPostgresLane(
  target: PostgresTarget,
  sync: StreamSync,
  partition: number,
): Promise<SinkLane> {
  const client = await connectPostgres(target.address)
  return new PostgresLane(client, { target, sync, partition })
}

interface LaneOptions {
  readonly target: PostgresTarget
  readonly sync: StreamSync
  readonly partition: number
}

type NamedColumn = LoadColumn & { readonly column: string }

class PostgresLane implements SinkLane {
  readonly #client: pg.Client
  readonly #options: LaneOptions
  readonly #table: TableName
  readonly #dedup: boolean
  readonly #stream: string
  readonly #identities = new Map<string, RowIdentity>()
  #columns: readonly Column[] = []
  #load: readonly NamedColumn[] = []
  #copyColumns: readonly string[] = []
  #encoder: AvroToCopyText | undefined
  #hasMeta = false
  #inTransaction = false
  #copy: CopySession | undefined
  /** The blocks of the COPY that is under way, to send again. */
  #blocks: RecordBlock[] = []
  #refused = new Map<RecordBlock, Map<number, Set<string>>>()
  #written = 0
  #rejected: { readonly slice: string; readonly seq: number; readonly reason: string }[] = []
  #copySeconds = 0

  constructor(client: pg.Client, options: LaneOptions) {
    this.#client = client
    this.#options = options
    const { sink, streamId } = options.sync
    this.#table = loadTable(sink, options.target.schema)
    this.#dedup = isDedup(sink)
    this.#stream = streamKey(streamId)
  }

  async setColumns(columns: readonly Column[]): Promise<void> {
    await this.#guard(async () => {
      await this.#flush()
      if (this.#dedup && this.#written > 0) await this.#merge()
      this.#columns = columns
      await this.#layOut()
    })
  }

  async write(block: RecordBlock): Promise<void> {
    await this.#guard(async () => {
      this.#blocks.push(block)
      try {
        await this.#send(block)
      } catch (error) {
        await this.#sendAgain(error)
      }
    })
  }

  reject(rejected: {
    readonly slice: string
    readonly seq: number
    readonly reason: string
  }): Promise<void> {
    this.#rejected.push(rejected)
    return Promise.resolve()
  }

  async flush(): Promise<void> {
    await this.#guard(() => this.#flush())
  }

  async commit(checkpoint: LaneCheckpoint): Promise<LaneStats> {
    return this.#guard(async () => {
      await this.#flush()
      await this.#begin()
      const loaded = this.#written
      const merging = performance.now()
      if (this.#dedup && loaded > 0) await this.#merge()
      const committing = performance.now()
      await this.#checkpoint(checkpoint)
      await this.#client.query('COMMIT')
      const stats = {
        loaded,
        rejected: this.#rejected.length,
        copySeconds: this.#copySeconds,
        mergeSeconds: (committing - merging) / 1000,
        commitSeconds: (performance.now() - committing) / 1000,
      }
      this.#forget()
      return stats
    })
  }

  async rollback(): Promise<void> {
    await this.#guard(async () => {
      if (this.#copy !== undefined) await this.#copy.end().catch(() => undefined)
      if (this.#inTransaction) await this.#client.query('ROLLBACK')
      this.#forget()
      // A meta column that was added in the transaction is gone again.
      await this.#layOut()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => undefined)
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
  
      throw destinationError(error, this.#options.target.address, quoteTable(this.#table))
    }
  }

  /** Which columns of the table are loaded, and the text encoder for them. */
  async #layOut(): Promise<void> {
    const { sync } = this.#options
    const layout = await readLayout(this.#client, this.#table)
    this.#hasMeta = layout.has(metaColumn)
    this.#load = loadColumns(this.#columns, layout)
    const rawId = layout.has(rawIdColumn)
    this.#copyColumns = [
      ...this.#load.filter(({ holds }) => holds !== undefined).map(({ column }) => column),
      extractedAtColumn,
      generationColumn,
      ...(rawId ? [rawIdColumn] : []),
      ...(this.#hasMeta ? [metaColumn] : []),
    ]
    const { syncId, generationId } = sync
    const ending = {
      rawId,
      meta: this.#hasMeta,
      missing: this.#keepsMissing(),
      syncId,
      generationId,
    }
    this.#encoder = new AvroToCopyText(this.#load, ending, chunkBytes + 4096)
    if (this.#dedup && this.#columns.length > 0) await this.#createStaged()
  }

  /** In a CDC stream a missing value is an unchanged one. */
  #keepsMissing(): boolean {
    return this.#dedup && this.#columns.some(({ name }) => name.startsWith('_ab_cdc_'))
  }

  async #createStaged(): Promise<void> {
    const missing = this.#keepsMissing() ? `, NULL::jsonb AS ${missingColumn}` : ''
    const columns = this.#copyColumns.map(quoteIdentifier).join(', ')
    await this.#client.query(`DROP TABLE IF EXISTS ${stagedTable}`)
    await this.#client.query(
      `CREATE TEMP TABLE ${stagedTable.replace('pg_temp.', '')} ON COMMIT DELETE ROWS AS
         SELECT ${columns}${missing} FROM ${quoteTable(this.#table)} WITH NO DATA`,
    )
  }

  async #begin(): Promise<void> {
    if (this.#inTransaction) return
    await this.#client.query('BEGIN')
    this.#inTransaction = true
  }

  async #send(block: RecordBlock): Promise<void> {
    await this.#begin()
    const started = performance.now()
    if (this.#copy === undefined) {
      await this.#client.query('SAVEPOINT batch')
      this.#copy = new CopySession(this.#client, this.#copyStatement())
    }
    const encoder = this.#encoder
    if (encoder === undefined)
      throw new ConnectError('unexpected', {
        details: { reason: 'a block came before its columns' },
      })
    encoder.open(block, this.#identity(block.slice))
    for (;;) {
      const more = encoder.fill(chunkBytes, this.#refused.get(block))
      if (encoder.metaNeeded) throw new MetaNeeded()
      if (encoder.writer.at > 0) await this.#copy.write(encoder.writer.take(chunkBytes + 4096))
      if (!more) break
    }
    this.#copySeconds += (performance.now() - started) / 1000
  }

  #copyStatement(): string {
    const columns = [
      ...this.#copyColumns.map(quoteIdentifier),
      ...(this.#keepsMissing() ? [missingColumn] : []),
    ]
    return `COPY ${this.#dedup ? stagedTable : quoteTable(this.#table)} (${columns.join(', ')}) FROM STDIN`
  }

  #identity(slice: string): RowIdentity {
    const known = this.#identities.get(slice)
    if (known !== undefined) return known
    const { sync } = this.#options
    const identity = new RowIdentity(sync.sink.connection, this.#stream, slice, sync.syncId)
    this.#identities.set(slice, identity)
    return identity
  }

  async #flush(): Promise<void> {
    const started = performance.now()
    for (;;) {
      if (this.#copy === undefined) return
      try {
        await this.#endCopy()
        this.#copySeconds += (performance.now() - started) / 1000
        return
      } catch (error) {
        await this.#sendAgain(error)
      }
    }
  }

  async #endCopy(): Promise<void> {
    const rows = this.#blocks.reduce((sum, { count }) => sum + count, 0)
    const counted = await this.#copy?.end()
    if (counted !== rows) {
      throw new ConnectError('accounting_mismatch', {
        details: { stream: this.#options.sync.streamId.name, expected: rows, actual: counted ?? 0 },
      })
    }
    await this.#client.query('RELEASE SAVEPOINT batch')
    this.#copy = undefined
    this.#blocks = []
    this.#refused.clear()
    this.#written += rows
  }

  /** A value was refused (it is set to NULL, with a change), or a change needs the meta column: the batch is sent again. */
  async #sendAgain(error: unknown): Promise<void> {
    let failure = error
    for (;;) {
      if (!(failure instanceof MetaNeeded)) this.#noteRefused(failure)
      else await this.#copy?.end().catch(() => undefined)
      await this.#client.query('ROLLBACK TO SAVEPOINT batch')
      this.#copy = undefined
      if (failure instanceof MetaNeeded) {
        await addMetaColumn(this.#client, this.#table)
        await this.#layOut()
      }
      try {
        for (const block of this.#blocks) await this.#send(block)
        return
      } catch (again) {
        failure = again
      }
    }
  }

  #noteRefused(error: unknown): void {
    const cell = refusedCell(error)
    if (cell === undefined) throw error
    let count = 0
    for (const rows of this.#refused.values())
      for (const names of rows.values()) count += names.size
    if (count >= maxRefusedCells) throw error
    const name = this.#load.find(
      ({ column }) => column === cell.column || quoteIdentifier(column) === cell.column,
    )?.name
    let row = cell.line - 1
    const block = this.#blocks.find(({ count: rows }) => {
      if (row < rows) return true
      row -= rows
      return false
    })
    if (name === undefined || block === undefined) throw error
    const rows = this.#refused.get(block) ?? new Map<number, Set<string>>()
    rows.set(row, (rows.get(row) ?? new Set()).add(name))
    this.#refused.set(block, rows)
  }

  async #merge(): Promise<void> {
    const { sync } = this.#options
    const { sink } = sync
    const kept = this.#keepsMissing()
      ? this.#load.filter(({ name }) => this.#encoder?.everMissing.has(name) === true)
      : []
    await this.#client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7246))', [
      quoteTable(this.#table),
    ])
    const plan = {
      table: this.#table,
      key: keyColumns(sink),
      cursor: cursorColumn(sink),
      columns: this.#copyColumns,
      hardDeletes: sink.deletes === 'hard' && this.#copyColumns.includes(deletedAtColumn),
      keptWhenMissing: kept.map(({ column, name }) => ({ column, field: name })),
    }
    for (const statement of mergeStatements(plan)) await this.#client.query(statement)
    await this.#client.query(`TRUNCATE ${stagedTable}`)
    this.#encoder?.everMissing.clear()
  }

  /** States, counts, position and the check of the epoch. The lock holds off a newer `begin` until this transaction has ended. */
  async #checkpoint({ partition, next, slices }: LaneCheckpoint): Promise<void> {
    const { sync } = this.#options
    const { connection } = sync.sink
    const key = [connection, this.#stream] as const
    const fence = await this.#client.query(
      'SELECT FROM reactor_connect.streams WHERE connection = $1 AND stream = $2 AND epoch = $3 FOR SHARE',
      [...key, sync.epoch],
    )
    if (fence.rowCount !== 1)
      throw new ConnectError('fenced', { details: { connection, stream: sync.streamId.name } })
    const { rowCount } = await this.#client.query(
      `INSERT INTO reactor_connect.slices AS s (connection, stream, slice, partition, state, seq, loaded, rejected, complete)
       SELECT $1, $2, r.slice, $3, r.state, r.seq, r.seq - r.rejected, r.rejected, r.complete
         FROM json_to_recordset($4) AS r (slice text, state json, seq bigint, rejected bigint, complete boolean)
       ON CONFLICT (connection, stream, slice) DO UPDATE SET
         state = excluded.state, seq = excluded.seq, complete = excluded.complete, updated_at = now(),
         rejected = s.rejected + excluded.rejected, loaded = excluded.seq - s.rejected - excluded.rejected
       WHERE s.seq <= excluded.seq`,
      [
        ...key,
        partition,
        JSON.stringify(
          slices.map((slice) => ({ ...slice, rejected: this.#rejectedOf(slice.slice) })),
        ),
      ],
    )
    if (rowCount !== slices.length)
      throw new ConnectError('accounting_mismatch', {
        details: { stream: sync.streamId.name, expected: slices.length, actual: rowCount ?? 0 },
      })
    if (next !== undefined) {
      await this.#client.query(
        `INSERT INTO reactor_connect.positions VALUES ($1, $2, $3, $4)
         ON CONFLICT (connection, stream, partition) DO UPDATE SET next = excluded.next`,
        [...key, partition, next],
      )
    }
    if (this.#rejected.length > 0) {
      await this.#client.query(
        `INSERT INTO reactor_connect.rejected_records (connection, stream, sync_id, slice, seq, reason)
         SELECT $1, $2, $3, r.slice, r.seq, r.reason FROM json_to_recordset($4) AS r (slice text, seq bigint, reason text)
         ON CONFLICT DO NOTHING`,
        [...key, sync.syncId, JSON.stringify(this.#rejected)],
      )
    }
  }

  #rejectedOf(slice: string): number {
    return this.#rejected.filter((rejected) => rejected.slice === slice).length
  }

  #forget(): void {
    this.#inTransaction = false
    this.#copy = undefined
    this.#blocks = []
    this.#refused.clear()
    this.#written = 0
    this.#rejected = []
    this.#copySeconds = 0
  }
}

/** Not an error of anybody: the batch has changes to note and the table no column for them yet. */
class MetaNeeded extends Error {}
