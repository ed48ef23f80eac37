import { ConnectError, type AvroRecordSchema } from '../../protocol/index.ts'
import type { Page, ShownOnly } from '../platform/lists.ts'
import type { StreamSchema, UsedSchema } from './schema.ts'
import type { Database, Row } from '../platform/database/database.ts'
import { newId } from '../platform/database/ids.ts'
import { pageOf, pagePlace, readShown } from '../platform/database/page.ts'
import { Conditions } from '../platform/database/statement.ts'
import type { NewStreamSchema, SchemaStore, StreamColumns } from './contract.ts'

const usesShown = 100

interface UseRow extends Row {
  readonly id: string
  readonly connection: string
  readonly name: string
  readonly namespace: string | null
  readonly version: number
  readonly fingerprint: string
  readonly block_fingerprint: string
  readonly run_id: string
  readonly first_seen_at: string
  /** Null if the connection is gone. */
  readonly instance: string | null
}

const select = `
  SELECT used.*, record.block_fingerprint, (
      SELECT instance.name FROM reactor_connect_service.connections AS connection
      JOIN reactor_connect_service.instances AS instance ON instance.id = connection.instance_id
      WHERE connection.name = used.connection
    ) AS instance
  FROM reactor_connect_service.stream_schemas AS used
  JOIN reactor_connect_service.record_schemas AS record USING (fingerprint)`

export class PostgresSchemaStore implements SchemaStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async findUnknown(
    connection: string,
    streams: readonly StreamColumns[],
  ): Promise<readonly number[]> {
    const rows = await this.#database.query<{ place: string }>(
      `SELECT place FROM unnest($2::text[], $3::text[], $4::text[])
         WITH ORDINALITY AS given (name, namespace, digest, place)
       WHERE NOT EXISTS (
         SELECT FROM reactor_connect_service.stream_schemas AS used
         WHERE used.connection = $1 AND used.name = given.name
           AND used.namespace IS NOT DISTINCT FROM given.namespace
           AND used.columns_digest = given.digest)`,
      [
        connection,
        streams.map(({ stream }) => stream.name),
        streams.map(({ stream }) => stream.namespace ?? null),
        streams.map(({ columnsDigest }) => columnsDigest),
      ],
    )
    return rows.map(({ place }) => Number(place) - 1)
  }

  async list(request: Parameters<SchemaStore['list']>[0]): Promise<Page<StreamSchema>> {
    const place = pagePlace('schemas', request)
    const read = (after: string | null, count: number): Promise<UseRow[]> => {
      const { and, values } = new Conditions()
        .add('used.connection =', request.connection)
        .add('used.name =', request.stream)
        .add('used.id <', after)
      return this.#database.query<UseRow>(
        `${select} WHERE true${and} ORDER BY used.id DESC LIMIT ${String(count)}`,
        values,
      )
    }
    const shown = shownRows(request.shown)
    const rows = await readShown(place, read, { key: (row) => row.id, shown })
    return pageOf(rows, place, { list: 'schemas', key: (row) => row.id, item: useOf })
  }

  async get(fingerprint: string, isShown?: ShownOnly['shown']): Promise<UsedSchema> {
    const [row] = await this.#database.query<{ fingerprint: string; schema: AvroRecordSchema }>(
      `SELECT fingerprint, schema FROM reactor_connect_service.record_schemas
       WHERE fingerprint = $1 OR block_fingerprint = $1 LIMIT 1`,
      [fingerprint],
    )
    if (row === undefined) throw noSchema(fingerprint)
    const read = (after: string | null, count: number): Promise<UseRow[]> => {
      const { and, values } = new Conditions()
        .add('used.fingerprint =', row.fingerprint)
        .add('used.id <', after)
      return this.#database.query<UseRow>(
        `${select} WHERE true${and} ORDER BY used.id DESC LIMIT ${String(count)}`,
        values,
      )
    }
    const place = { limit: usesShown, after: null }
    const shown = shownRows(isShown)
    const uses = await readShown(place, read, { key: (use) => use.id, shown })
    if (shown !== undefined && uses.length === 0) throw noSchema(fingerprint)
    const isRecord = row.fingerprint === fingerprint
    return {
      fingerprint,
      framing: isRecord ? 'record' : 'block',
      schema: isRecord ? row.schema : { type: 'array', items: row.schema },
      usedBy: uses.slice(0, usesShown).map(useOf),
    }
  }

  /** A connection has one run at a time: no other process numbers its versions. */
  async keep(schema: NewStreamSchema): Promise<void> {
    await this.#database.query(
      `WITH kept AS (
         INSERT INTO reactor_connect_service.record_schemas
           (fingerprint, block_fingerprint, schema) VALUES ($7, $8, $9)
         ON CONFLICT (fingerprint) DO NOTHING
       )
       INSERT INTO reactor_connect_service.stream_schemas
         (id, connection, name, namespace, run_id, columns_digest, fingerprint, version)
       SELECT $1, $2, $3, $4, $5, $6, $7, coalesce(max(version), 0) + 1
       FROM reactor_connect_service.stream_schemas
       WHERE connection = $2 AND name = $3 AND namespace IS NOT DISTINCT FROM $4
       ON CONFLICT DO NOTHING`,
      [
        newId('sch'),
        schema.connection,
        schema.stream.name,
        schema.stream.namespace ?? null,
        schema.run,
        schema.columnsDigest,
        schema.fingerprint,
        schema.blockFingerprint,
        JSON.stringify(schema.schema),
      ],
    )
  }
}

function noSchema(fingerprint: string): ConnectError {
  return new ConnectError('schema_not_found', { details: { fingerprint } })
}

/** A schema is shown to those who may see its connection. */
function shownRows(shown: ShownOnly['shown']): ((row: UseRow) => boolean) | null | undefined {
  return (
    shown &&
    (({ connection, instance }: UseRow) =>
      shown({ name: connection, ...(instance !== null && { from: instance }) }))
  )
}

function useOf(row: UseRow): StreamSchema {
  return {
    connection: row.connection,
    name: row.name,
    namespace: row.namespace,
    version: row.version,
    recordFingerprint: row.fingerprint,
    blockFingerprint: row.block_fingerprint,
    run: row.run_id,
    firstSeenAt: row.first_seen_at,
  }
}
