import type { ConfiguredAirbyteStream, JsonObject } from '../../../protocol/index.ts'
import { columnsOf, ConnectError, isJsonObject, streamLabel } from '../../../protocol/index.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import { useRolePath } from '../../../postgres/search-path.ts'
import { operatorOf, typedLiteral } from '../column-types.ts'
import { fieldOf, lastLineStart } from '../copy-line.ts'
import type { PostgresConfig } from '../config.ts'
import { giveBack } from '../used-again.ts'
import { idleSessions, openWhenFree, requireSameTables } from '../read-session.ts'
import { rangeQuery } from '../range-query.ts'
import type { SourceSession } from '../session.ts'
import { findSource, type StreamSource } from '../stream-source.ts'
import { momentText } from './commit-time.ts'
import { addedColumns } from './feed-member.ts'
import { type Lsn, parseLsn } from './lsn.ts'
import {
  isShown,
  parseSnapshot,
  snapshotSql,
  type TransactionSnapshot,
} from './shown-transactions.ts'

/** About as much is read at once: the changes of the stream wait meanwhile. */
const chunkBytes = 8 * 1024 * 1024
const firstRows = 5_000
const fewestRows = 100
const mostRows = 200_000

export interface SnapshotOptions {
  readonly config: PostgresConfig
  readonly stream: ConfiguredAirbyteStream
  readonly context: Parameters<typeof openWhenFree>[1]
}

interface ChunkRequest {
  /** The order of the rows: that of the position up to which the stream has emitted its changes. */
  readonly order: string
  readonly unseen: readonly number[]
  readonly out: (lines: Buffer) => Promise<void>
}

export interface Chunk {
  /** The key of the last row; null: there are no more rows. */
  readonly after: readonly string[] | null
  readonly key: readonly string[]
  /** The rows show no transaction that was committed behind it. */
  readonly shownTo: Lsn
}

/**
 * Reads the rows of a table in parts, each as one short statement. A row gets the position up to which the
 * stream has emitted its changes: every later change wins over it, whether the row shows it already or
 * not.
 */
export class SnapshotReader {
  readonly #options: SnapshotOptions
  #rows = firstRows

  constructor(options: SnapshotOptions) {
    this.#options = options
  }

  /**
   * Emits the next rows. `unseen`: transactions whose changes were emitted. If the server does not show one
   * of them yet (it waits for a synchronous standby), nothing is read, and `unseen` are those that are left.
   */
  async next(
    after: readonly string[] | null,
    request: ChunkRequest,
  ): Promise<Chunk | { readonly unseen: readonly number[] } | undefined> {
    const { config, context } = this.#options
    const session = await openWhenFree(config, context)
    if (session === undefined) return undefined
    let isDone = false
    try {
      const chunk = await this.#read(session, after, request)
      isDone = true
      return chunk
    } finally {
      if (!isDone) session.destroy()
      await giveBack(session, config, idleSessions)
    }
  }

  async #read(
    session: SourceSession,
    after: readonly string[] | null,
    request: ChunkRequest,
  ): Promise<Chunk | { readonly unseen: readonly number[] } | undefined> {
    const { stream, context } = this.#options
    const { order, unseen, out } = request
    const { source, select } = await this.#source(session, order)
    await requireSameTables(session, source)
    const { snapshot, shownTo } = await momentOf(session)
    const hidden = unseen.filter((xid) => !isShown(snapshot, xid))
    if (hidden.length > 0) return { unseen: hidden }
    const key = source.key.map(({ name }) => name)
    const isKeyed = key.length > 0
    const state = { kind: 'range' as const, key, from: null, to: null, done: false }
    const sql = isKeyed
      ? `${rangeQuery({ ...source, selectList: select }, { ...state, after: after && [...after] })} LIMIT ${this.#rows}`
      : `SELECT ${select} FROM ${source.from}`
    const names = columnsOf(stream.stream.json_schema).map(({ name }) => name)
    const copy = session.copy(sql, { stream: source.name, columns: names.length })
    // A part that has a key is short: a stop waits for its end, from which a state can continue.
    const signal = isKeyed ? new AbortController().signal : context.signal
    let rows = 0
    let bytes = 0
    let last: string[] | null = null
    for (let part = await copy.next(signal); part; part = await copy.next(signal)) {
      rows += part.rows
      bytes += part.bytes.length
      last = keyOfLastLine(part.bytes, key, names)
      await out(part.bytes)
    }
    if (signal.aborted) throw stoppedWithoutKey(source.name)
    const isEnd = !isKeyed || rows < this.#rows
    if (rows > 0) this.#rows = rowsFor(rows / bytes)
    return { after: isEnd ? null : last, key, shownTo }
  }

  /** The row as it is now, by the text of its key; undefined if it is gone. */
  async row(key: (column: string) => string): Promise<Buffer | undefined> {
    const { config, context, stream } = this.#options
    // A stop must not make it look as if the row were gone.
    const { signal } = new AbortController()
    const session = await openWhenFree(config, { logger: context.logger, signal })
    if (session === undefined) return undefined
    let isDone = false
    try {
      const { source, select } = await this.#source(session, '0')
      await requireSameTables(session, source)
      const conditions = source.key.map(
        ({ name, type }) =>
          `${quoteIdentifier(name)} ${operatorOf(type, '=')} ${typedLiteral(key(name), type)}`,
      )
      const where = conditions.length === 0 ? 'false' : conditions.join(' AND ')
      const { length } = columnsOf(stream.stream.json_schema)
      const sql = `SELECT ${select} FROM ${source.from} WHERE ${where}`
      const copy = session.copy(sql, { stream: source.name, columns: length })
      let row: Buffer | undefined
      for (let part = await copy.next(signal); part; part = await copy.next(signal))
        row = Buffer.from(part.bytes)
      isDone = true
      return row
    } finally {
      if (!isDone) session.destroy()
      await giveBack(session, config, idleSessions)
    }
  }

  async #source(
    session: SourceSession,
    order: string,
  ): Promise<{ readonly source: StreamSource; readonly select: string }> {
    const { stream } = this.#options
    const plain = withoutAdded(stream)
    const source = await findSource(session, plain)
    const ofTable = new Map(
      source.columns.map(({ name }, index) => [name, source.expressions[index]]),
    )
    const added: Readonly<Record<string, string>> = {
      _ab_cdc_lsn: quoteLiteral(`${order}.0000000000`),
      _ab_cdc_updated_at: quoteLiteral(momentText(Date.now())),
      _ab_cdc_deleted_at: 'NULL::pg_catalog.text',
    }
    const select = columnsOf(stream.stream.json_schema).map(({ name }) => {
      const expression = ofTable.get(name) ?? added[name]
      if (expression !== undefined) return expression
      const details = { stream: streamLabel(stream.stream), column: name }
      throw new ConnectError('source_column_missing', { details })
    })
    return { source, select: select.join(', ') }
  }
}

function rowsFor(rowsPerByte: number): number {
  return Math.ceil(Math.min(mostRows, Math.max(fewestRows, rowsPerByte * chunkBytes)))
}

function stoppedWithoutKey(stream: string): ConnectError {
  const reason = 'it has no key to continue by'
  return new ConnectError('source_read_interrupted', { details: { stream, reason } })
}

/** The stream with the columns of its table alone. */
export function withoutAdded(configured: ConfiguredAirbyteStream): ConfiguredAirbyteStream {
  const { json_schema } = configured.stream
  const properties: JsonObject = isJsonObject(json_schema.properties) ? json_schema.properties : {}
  const own = Object.entries(properties).filter(([name]) => !Object.hasOwn(addedColumns, name))
  const schema = { ...json_schema, properties: Object.fromEntries(own) }
  return { ...configured, stream: { ...configured.stream, json_schema: schema } }
}

async function momentOf(
  session: SourceSession,
): Promise<{ readonly snapshot: TransactionSnapshot; readonly shownTo: Lsn }> {
  const results = await session.results<{ snapshot?: string; lsn?: string }>(
    `SELECT ${snapshotSql} AS snapshot,
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END::text AS lsn;
     ${useRolePath}`,
  )
  const { snapshot = '', lsn = '0/0' } = results[0]?.rows[0] ?? {}
  return {
    snapshot: parseSnapshot(snapshot),
    shownTo: parseLsn(lsn),
  }
}

function keyOfLastLine(
  lines: Buffer,
  key: readonly string[],
  columns: readonly string[],
): string[] {
  const start = lastLineStart(lines)
  return key.map((name) => fieldOf(lines, start, columns.indexOf(name)) ?? '')
}
