import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import {
  messageTypes,
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
const newTuple = 0x4e

export interface ChangedKeysOptions {
  readonly pair: string
  readonly database: TwoWayDatabase
  readonly shapes: ReadonlyMap<string, TableShape>
  /** That of the side. */
  readonly session: TwoWaySession
  readonly logger: Logger
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
 * sweep.
 */
export class ChangedKeys implements TableChanges {
  readonly #options: ChangedKeysOptions
  readonly #config: PostgresConfig
  readonly #keys = new Map<string, Set<string>>()
  readonly #streams: ReadonlyMap<string, string>
  readonly #routes = new Map<number, Route | null>()
  readonly #tuple = new TupleFields()
  #connection: ReplicationConnection | undefined
  #timer: NodeJS.Timeout | undefined
  #hasChanged = false
  #hasMissed = false

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
    const { slot } = this.#config
    const from = await connection.createTemporarySlot(slot)
    await connection.start({
      ...{ slot, publications, from },
      onChange: (bytes, start) => {
        this.#take(bytes, start, events)
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
  #take(bytes: Buffer, start: number, events: FollowEvents): void {
    const type = bytes[start]
    const body = start + 1
    if (type === messageTypes.insert || type === messageTypes.delete) {
      const route = this.#routeOf(bytes.readUInt32BE(body))
      if (route !== null) this.#addKey(route, bytes, body + 5)
    } else if (type === messageTypes.update) this.#update(bytes, body)
    else if (type === messageTypes.relation) this.#relation(readRelation(bytes, body))
    else if (type === messageTypes.truncate) {
      const { relations } = readTruncate(bytes, body)
      if (relations.some((oid) => this.#routeOf(oid) !== null)) this.#hasMissed = true
    } else if (type === messageTypes.commit) this.#commit(events)
  }

  #commit(events: FollowEvents): void {
    if (this.#hasMissed) events.missed()
    if (this.#hasChanged) events.changed()
    this.#hasMissed = false
    this.#hasChanged = false
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
    const keys = this.#keysOf(stream)
    if (length < 0 || keys.size >= mostChanges) {
      keys.clear()
      this.#hasMissed = true
      return end
    }
    const offset = this.#tuple.starts[keyIndex] ?? 0
    keys.add(bytes.toString('utf8', offset, offset + length))
    this.#hasChanged = true
    return end
  }

  #keysOf(stream: string): Set<string> {
    const known = this.#keys.get(stream)
    if (known !== undefined) return known
    const keys = new Set<string>()
    this.#keys.set(stream, keys)
    return keys
  }

  async take(stream: string): Promise<readonly string[]> {
    const keys = [...this.#keysOf(stream)]
    const shape = this.#options.shapes.get(stream)
    if (keys.length === 0 || shape === undefined) return []
    this.#keysOf(stream).clear()
    const rows = await this.#options.session.rows<{ id: string }>(sharedIdsSql(shape), [keys])
    return rows.map(({ id }) => id)
  }

  #stop(): void {
    clearInterval(this.#timer)
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
