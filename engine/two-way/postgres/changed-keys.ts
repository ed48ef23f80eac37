import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import {
  messageTypes,
  readBegin,
  readRelation,
  readTruncate,
  type Relation,
} from '../../../connectors/postgres/cdc/change-messages.ts'
import { tableKey } from '../../../connectors/postgres/cdc/change-router.ts'
import { TupleFields } from '../../../connectors/postgres/cdc/change-tuple.ts'
import { publishTables } from '../../../connectors/postgres/cdc/publication.ts'
import { ReplicationConnection } from '../../../connectors/postgres/cdc/replication-connection.ts'
import { requireReplication } from '../../../connectors/postgres/cdc/server-facts.ts'
import { ServerSession } from '../../../connectors/postgres/cdc/server-session.ts'
import {
  isShown,
  parseSnapshot,
  snapshotSql,
} from '../../../connectors/postgres/cdc/shown-transactions.ts'
import { tablesNamed, type TableIdentity } from '../../../connectors/postgres/cdc/table-identity.ts'
import { parsePostgresConfig, type PostgresConfig } from '../../../connectors/postgres/config.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { FollowEvents } from '../pair-side.ts'
import { sharedIdsSql } from './side-sql.ts'
import { mostChanges, type TableChanges } from './table-changes.ts'
import type { TableShape } from './table-shape.ts'
import type { TwoWayDatabase, TwoWaySession } from './two-way-session.ts'

/** A status says that we live; the server answers, or is taken for lost after the silence. */
const statusMs = 1_000
const silenceMs = 60_000
/** So soon after a look that came before the server showed what the log says. */
const lookAgainMs = 20
const newTuple = 0x4e

export interface ChangedKeysOptions {
  readonly pair: string
  readonly database: TwoWayDatabase
  readonly shapes: ReadonlyMap<string, TableShape>
  /** That of the side. */
  readonly session: TwoWaySession
  readonly logger: Logger
}

interface NotedChanges {
  /** By stream. */
  readonly keys: Map<string, Set<string>>
  readonly xids: Set<number>
  /** More has changed than the keys say. */
  hasMissed: boolean
}

function newChanges(): NotedChanges {
  return { keys: new Map(), xids: new Set(), hasMissed: false }
}

function keysOf(noted: Map<string, Set<string>>, stream: string): Set<string> {
  const known = noted.get(stream)
  if (known !== undefined) return known
  const keys = new Set<string>()
  noted.set(stream, keys)
  return keys
}

/** A table as the changes that follow name it. */
interface Route {
  readonly stream: string
  /** Where its key is; -1: the changes do not have it. */
  readonly keyIndex: number
}

/**
 * Takes the keys of changed rows from the write-ahead log of the server. The slot is temporary: it ends with
 * the connection, so nothing keeps the log of the server, and what happens before the next one is found by a
 * sweep. Changes may come before the server shows them to others; their keys stay until it does.
 */
export class ChangedKeys implements TableChanges {
  readonly #options: ChangedKeysOptions
  readonly #config: PostgresConfig
  readonly #streams: ReadonlyMap<string, string>
  readonly #routes = new Map<number, Route | null>()
  readonly #tuple = new TupleFields()
  /** The transaction whose messages come. */
  #xid = 0
  #arriving = newChanges()
  /** Noted before, until statements show its transactions. */
  #waiting: NotedChanges | undefined
  readonly #shown = new Map<string, Set<string>>()
  #events: FollowEvents | undefined
  #again: NodeJS.Timeout | undefined
  #connection: ReplicationConnection | undefined
  #timer: NodeJS.Timeout | undefined
  #hasChanged = false

  constructor(options: ChangedKeysOptions) {
    this.#options = options
    const { shapes, database, pair } = options
    this.#config = configOf(database, pair)
    this.#streams = new Map(
      [...shapes].map(([stream, { options: table }]) => [
        tableKey(table.schema, table.table),
        stream,
      ]),
    )
  }

  async begin(events: FollowEvents): Promise<void> {
    const publications = await this.#publish()
    const connection = await ReplicationConnection.open(this.#config)
    this.#connection = connection
    this.#events = events
    const { slot } = this.#config
    const from = await connection.createTemporarySlot(slot)
    await connection.start({
      ...{ slot, publications, from },
      onChange: (bytes, start) => {
        this.#note(bytes, start, events)
      },
      onPosition: (position) => {
        connection.confirm(position)
      },
      onEnd: (error) => {
        this.#stop()
        events.failed(error)
      },
    })
    this.#keepAlive(connection, events)
  }

  async #publish(): Promise<readonly string[]> {
    await using session = await ServerSession.open(this.#config, this.#options.logger)
    const facts = await requireReplication(session, this.#config)
    const shapes = [...this.#options.shapes.values()]
    const places = shapes.map(({ options: { schema, table: name } }) => ({ schema, name }))
    const tables = await tablesNamed(session, places)
    const byKey = new Map(tables.map((table) => [tableKey(table.schema, table.name), table]))
    for (const shape of shapes)
      requireKey(shape, byKey.get(tableKey(shape.options.schema, shape.options.table)))
    const { names } = await publishTables(session, this.#config, { tables, facts })
    return names
  }

  #keepAlive(connection: ReplicationConnection, events: FollowEvents): void {
    let heardAt = performance.now()
    let seen = 0
    this.#timer = setInterval(() => {
      connection.sendStatus('reply')
      if (connection.bytesRead !== seen) heardAt = performance.now()
      seen = connection.bytesRead
      if (performance.now() - heardAt < silenceMs) return
      this.#stop()
      const { host, port } = this.#config
      const reason = `the server sent nothing for ${String(silenceMs / 1000)} seconds`
      const details = { host, port, reason }
      events.failed(new ConnectError('source_connection_lost', { details }))
    }, statusMs)
  }

  /** Transactions come after their commit: at its end, whoever waits can look at the records. */
  #note(bytes: Buffer, start: number, events: FollowEvents): void {
    const type = bytes[start]
    const body = start + 1
    if (type === messageTypes.begin) this.#xid = readBegin(bytes, body).xid
    else if (type === messageTypes.insert || type === messageTypes.delete) {
      const route = this.#routeOf(bytes.readUInt32BE(body))
      if (route !== null) this.#addKey(route, bytes, body + 5)
    } else if (type === messageTypes.update) this.#update(bytes, body)
    else if (type === messageTypes.relation) this.#relation(readRelation(bytes, body))
    else if (type === messageTypes.truncate) {
      const { relations } = readTruncate(bytes, body)
      if (relations.some((oid) => this.#routeOf(oid) !== null)) this.#miss()
    } else if (type === messageTypes.commit) {
      if (this.#hasChanged) events.changed()
      this.#hasChanged = false
    }
  }

  #relation({ oid, schema, name, columns }: Relation): void {
    const stream = this.#streams.get(tableKey(schema, name))
    const shape = stream === undefined ? undefined : this.#options.shapes.get(stream)
    const key = shape?.key.name
    const keyIndex = columns.findIndex((column) => column.name === key)
    this.#routes.set(oid, stream === undefined ? null : { stream, keyIndex })
  }

  #routeOf(oid: number): Route | null {
    const route = this.#routes.get(oid)
    if (route === undefined) throw new RangeError('a change of an unknown table')
    return route
  }

  /** A row that got another key was there under the old one. */
  #update(bytes: Buffer, body: number): void {
    const route = this.#routeOf(bytes.readUInt32BE(body))
    if (route === null) return
    let offset = body + 4
    if (bytes[offset] !== newTuple) offset = this.#addKey(route, bytes, offset + 1)
    this.#addKey(route, bytes, offset + 1)
  }

  /** Returns where the tuple ends. */
  #addKey({ stream, keyIndex }: Route, bytes: Buffer, start: number): number {
    const end = this.#tuple.read(bytes, start)
    const length = keyIndex < 0 ? -1 : this.#tuple.lengthAt(keyIndex)
    const keys = keysOf(this.#arriving.keys, stream)
    if (length < 0 || keys.size >= mostChanges) {
      keys.clear()
      this.#miss()
      return end
    }
    const offset = this.#tuple.starts[keyIndex] ?? 0
    keys.add(bytes.toString('utf8', offset, offset + length))
    this.#noteTransaction()
    return end
  }

  #miss(): void {
    this.#arriving.hasMissed = true
    this.#noteTransaction()
  }

  #noteTransaction(): void {
    this.#arriving.xids.add(this.#xid)
    this.#hasChanged = true
  }

  async take(stream: string): Promise<readonly string[]> {
    await this.#show()
    const keys = this.#shown.get(stream)
    const shape = this.#options.shapes.get(stream)
    if (keys === undefined || shape === undefined) return []
    this.#shown.delete(stream)
    const rows = await this.#options.session.rows<{ id: string }>(sharedIdsSql(shape), [[...keys]])
    return rows.map(({ id }) => id)
  }

  /** Moves what was noted to `#shown`, unless statements do not show all of it yet. */
  async #show(): Promise<void> {
    if (this.#waiting === undefined && this.#arriving.xids.size > 0) {
      this.#waiting = this.#arriving
      this.#arriving = newChanges()
    }
    const waiting = this.#waiting
    if (waiting === undefined) return
    await this.#removeShown(waiting.xids)
    if (waiting.xids.size > 0) {
      this.#lookAgain()
      return
    }
    this.#waiting = undefined
    for (const [stream, keys] of waiting.keys)
      for (const key of keys) keysOf(this.#shown, stream).add(key)
    if (waiting.hasMissed) this.#events?.missed()
  }

  async #removeShown(xids: Set<number>): Promise<void> {
    const [row] = await this.#options.session.rows<{ snapshot: string }>(
      `SELECT ${snapshotSql} AS snapshot`,
    )
    const snapshot = parseSnapshot(row?.snapshot ?? '')
    for (const xid of xids) if (isShown(snapshot, xid)) xids.delete(xid)
  }

  #lookAgain(): void {
    clearTimeout(this.#again)
    this.#again = setTimeout(() => this.#events?.changed(), lookAgainMs)
  }

  #stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#again)
    this.#connection?.destroy()
    this.#connection = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    return Promise.resolve()
  }
}

/** Tables that several pairs share are published once. */
function configOf({ address, ca }: TwoWayDatabase, pair: string): PostgresConfig {
  const { host, port, user, password, database, ssl } = address
  return parsePostgresConfig({
    ...{ host, port, user, database, ssl, replication: 'cdc' },
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { ca }),
    publication: `reactor_connect_pair_${pair}`.slice(0, 55),
    slot: `reactor_connect_pair_${randomUUID().replaceAll('-', '')}`,
  })
}

/** Updates and deletes say of their row only what belongs to its replica identity. */
function requireKey({ options, key }: TableShape, table: TableIdentity | undefined): void {
  const { stream, schema, table: name } = options
  const refuse = (problem: string, fix: string): ConnectError =>
    new ConnectError('pair_stream_invalid', { details: { stream, problem, fix } })
  if (table === undefined)
    throw refuse(
      `the changes of ${schema}.${name} are not in the log of the server (it is a partition, or unlogged)`,
      'Name the partitioned table, or set `changes: polling` on this side.',
    )
  if (table.identity === 'full' || table.key.includes(key.name)) return
  throw refuse(
    `the log of the server does not say which rows of ${schema}.${name} are deleted: its replica identity lacks ${key.name}`,
    'Run `ALTER TABLE … REPLICA IDENTITY USING INDEX …` with a unique index of that column, or set `changes: polling` on this side.',
  )
}
