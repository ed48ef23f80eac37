import { Mutex } from '../../../lib/async/slots.ts'
import type { PostgresAddress } from '../../../postgres/address.ts'
import { parseExactJson, type JsonObject, stringifyExact } from '../../../protocol/index.ts'
import type { z } from 'zod'
import type { DocumentChange, StoredDocument } from '../../bookkeeping/bookkeeping-store.ts'
import type { RejectedRecord } from '../../destination-kind.ts'
import { DestinationSession } from '../../postgres/session.ts'
import type { SentRecord } from '../plan-writes.ts'
import { makeTables, schema } from './tables.ts'

/** One stream, and the object of an account that it is written into. */
export interface WriteTarget {
  readonly connection: string
  /** `streamKey`. */
  readonly stream: string
  /** Another account, object or key field is another target: nothing was sent there. */
  readonly place: string
}

export interface StoredReject extends Omit<RejectedRecord, 'place' | 'stream'> {
  /** `streamKey`. */
  readonly stream: string
}

export interface NewReject extends Pick<
  StoredReject,
  'key' | 'operation' | 'code' | 'reason' | 'fields' | 'mayRetry'
> {
  /** The record as the source had it, as JSON: it is tried again from this. */
  readonly record: string
}

/** The outcome of writes: stored in one transaction. */
export interface SentChanges {
  readonly sent: readonly SentRecord[]
  readonly deleted: readonly string[]
  readonly rejected: readonly NewReject[]
  /** Keys of the rejected ones that the vendor has as they were stored before, or does not have at all. */
  readonly untouched: readonly string[]
  /** Keys of records that need no write: the vendor has them as they are. */
  readonly unchanged: readonly string[]
  /** The sync that sent them. */
  readonly syncId: number
  /** Notes which ones this sync has seen, so that at its end the others are known to be gone. */
  readonly notesSeen: boolean
}

/** Codes of rejected records of which it is not known which ones they are. */
const unidentifiedCodes = ['rejected', 'key']

/**
 * The bookkeeping of a destination that is an instance, in a PostgreSQL database of the customer:
 * checkpoints, the values that were sent last, and rejected records. One statement or transaction at a time.
 */
export class WriteStore implements AsyncDisposable {
  readonly #session: DestinationSession
  readonly #turns = new Mutex()
  readonly #targets = new Map<string, string>()

  private constructor(session: DestinationSession) {
    this.#session = session
  }

  static async open(address: PostgresAddress): Promise<WriteStore> {
    const session = await DestinationSession.open({ address })
    try {
      // The lock of a stream belongs to a session.
      await session.requireOwnProcess()
      await makeTables(session)
      return new WriteStore(session)
    } catch (error) {
      session.destroy()
      throw error
    }
  }

  /** A document of a connection: `stream` is empty for its runs. */
  document<Content>(
    connection: string,
    stream: string,
    content: z.ZodType<Content>,
  ): StoredDocument<Content> {
    const parse = (text: string | null | undefined): Content | undefined =>
      text === null || text === undefined ? undefined : content.parse(JSON.parse(text))
    return {
      read: () =>
        this.#turns.run(async () => {
          const [row] = await this.#session.rows<{ content: string | null }>(
            `SELECT content FROM ${schema}.documents WHERE connection = $1 AND stream = $2`,
            [connection, stream],
          )
          return parse(row?.content)
        }),
      change: (decide) =>
        this.#turns.run(() => this.#change({ connection, stream, parse }, decide)),
    }
  }

  /** The texts of the streams' documents. */
  streamDocuments(connection: string): Promise<readonly { stream: string; content: string }[]> {
    return this.#turns.run(() =>
      this.#session.rows<{ stream: string; content: string }>(
        `SELECT stream, content FROM ${schema}.documents
         WHERE connection = $1 AND stream <> '' AND content IS NOT NULL`,
        [connection],
      ),
    )
  }

  sent(target: WriteTarget, keys: readonly string[]): Promise<ReadonlyMap<string, SentRecord>> {
    return this.#turns.run(async () => {
      const rows = await this.#session.rows<SentRow>(
        `SELECT key, id, fields, version, is_pending FROM ${schema}.sent WHERE target = $1 AND key = ANY($2)`,
        [await this.#targetId(target), keys],
      )
      return new Map(rows.map((row) => [row.key, sentRecord(row)]))
    })
  }

  /** Records that an earlier sync has sent and this one has not seen, in the order of their keys. */
  unseen(
    target: WriteTarget,
    { syncId, after, limit }: { syncId: number; after: string; limit: number },
  ): Promise<readonly SentRecord[]> {
    return this.#turns.run(async () => {
      const rows = await this.#session.rows<SentRow>(
        `SELECT key, id, fields, version, is_pending FROM ${schema}.sent
         WHERE target = $1 AND seen < $2 AND key > $3 ORDER BY key LIMIT $4`,
        [await this.#targetId(target), syncId, after, limit],
      )
      return rows.map(sentRecord)
    })
  }

  /** Records that were sent, and those of them that this sync has not seen. */
  counts(
    target: WriteTarget,
    syncId: number,
  ): Promise<{ readonly sent: number; readonly unseen: number }> {
    return this.#turns.run(async () => {
      const [row] = await this.#session.rows<{ sent: string; unseen: string }>(
        `SELECT count(*) AS sent, count(*) FILTER (WHERE seen < $2) AS unseen
         FROM ${schema}.sent WHERE target = $1`,
        [await this.#targetId(target), syncId],
      )
      return { sent: Number(row?.sent ?? 0), unseen: Number(row?.unseen ?? 0) }
    })
  }

  /** How many records without a key that can be read this sync has rejected. */
  unidentified(target: WriteTarget, syncId: number): Promise<number> {
    return this.#turns.run(async () => {
      const [row] = await this.#session.rows<{ count: string }>(
        `SELECT count(*) FROM ${schema}.rejects
         WHERE target = $1 AND code = ANY($2) AND sync_id = $3`,
        [await this.#targetId(target), unidentifiedCodes, syncId],
      )
      return Number(row?.count ?? 0)
    })
  }

  /**
   * These records are about to be changed. If the process dies before `keep`, nobody knows which values the
   * vendor has: all fields are sent again. Durable when it resolves.
   */
  notePending(target: WriteTarget, keys: readonly string[]): Promise<void> {
    return this.#turns.run(async () => {
      const id = await this.#targetId(target)
      await this.#session.rows(
        `UPDATE ${schema}.sent SET is_pending = true WHERE target = $1 AND key = ANY($2)`,
        [id, keys],
      )
    })
  }

  /**
   * These records are about to be created, and this sync has seen them. If the process dies before `keep`,
   * the vendor may have them under ids that nobody knows. Durable when it resolves.
   */
  noteNew(target: WriteTarget, keys: readonly string[], syncId: number): Promise<void> {
    return this.#turns.run(async () => {
      const id = await this.#targetId(target)
      await this.#session.rows(
        `INSERT INTO ${schema}.sent (target, key, id, fields, seen, sent_at, is_pending)
         SELECT $1, key, '', '{}', $3, now(), true FROM unnest($2::text[]) AS n (key)
         ON CONFLICT (target, key) DO NOTHING`,
        [id, keys, syncId],
      )
    })
  }

  /** All or nothing, and durable when it resolves. */
  keep(target: WriteTarget, changes: SentChanges): Promise<void> {
    return this.#turns.run(async () => {
      const id = await this.#targetId(target)
      await this.#session.transaction(async () => {
        await this.#keepSent(id, changes)
        await this.#keepRejects(id, changes)
      })
    })
  }

  rejects(
    connection: string,
    { stream, limit, after }: { stream?: string | undefined; limit: number; after: string },
  ): Promise<readonly (StoredReject & { readonly record: string; readonly place: string })[]> {
    return this.#turns.run(async () => {
      const rows = await this.#session.rows<RejectRow>(
        `SELECT t.stream, t.place, r.key, r.operation, r.code, r.reason, r.fields, r.may_retry, r.times,
                r.first_at, r.last_at, r.record
         FROM ${schema}.rejects r JOIN ${schema}.targets t ON t.id = r.target
         WHERE t.connection = $1 AND ($2::text IS NULL OR t.stream = $2) AND t.stream || r.key > $3
         ORDER BY t.stream || r.key LIMIT $4`,
        [connection, stream ?? null, after, limit],
      )
      return rows.map((row) => ({
        stream: row.stream,
        place: row.place,
        key: row.key,
        operation: row.operation,
        code: row.code,
        reason: row.reason,
        fields: row.fields,
        mayRetry: row.may_retry,
        times: row.times,
        firstAt: row.first_at.toISOString(),
        lastAt: row.last_at.toISOString(),
        record: row.record,
      }))
    })
  }

  /** Returns how many there were. Null: all. */
  discardRejects(
    connection: string,
    { stream, keys }: { stream?: string | undefined; keys: readonly string[] | null },
  ): Promise<number> {
    return this.#turns.run(async () => {
      const gone = await this.#session.rows(
        `DELETE FROM ${schema}.rejects r USING ${schema}.targets t
         WHERE t.id = r.target AND t.connection = $1 AND ($2::text IS NULL OR t.stream = $2)
           AND ($3::text[] IS NULL OR r.key = ANY($3)) RETURNING 1`,
        [connection, stream ?? null, keys],
      )
      return gone.length
    })
  }

  /** Forgets the values that were sent, but not the records: all fields are sent again. */
  forgetValues(connection: string, stream: string): Promise<void> {
    return this.#turns.run(async () => {
      await this.#session.rows(
        `UPDATE ${schema}.sent s SET fields = '{}' FROM ${schema}.targets t
         WHERE t.id = s.target AND t.connection = $1 AND t.stream = $2`,
        [connection, stream],
      )
    })
  }

  /** Forgets what was sent of these records: they are sent as if for the first time. */
  forgetSent(target: WriteTarget, keys: readonly string[]): Promise<void> {
    return this.#turns.run(async () => {
      const id = await this.#targetId(target)
      await this.#session.rows(`DELETE FROM ${schema}.sent WHERE target = $1 AND key = ANY($2)`, [
        id,
        keys,
      ])
    })
  }

  /**
   * Holds the writes of a stream until the session ends: nobody else sends its records then. False if another
   * session has them.
   */
  holdWrites({ connection, stream }: WriteTarget): Promise<boolean> {
    return this.#turns.run(async () => {
      const [row] = await this.#session.rows<{ held: boolean }>(
        `SELECT pg_try_advisory_lock(hashtextextended($1, 7103)) AS held`,
        [`${connection} ${stream}`],
      )
      return row?.held === true
    })
  }

  releaseWrites({ connection, stream }: WriteTarget): Promise<void> {
    return this.#turns.run(async () => {
      await this.#session.rows(`SELECT pg_advisory_unlock(hashtextextended($1, 7103))`, [
        `${connection} ${stream}`,
      ])
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session[Symbol.asyncDispose]()
  }

  #change<Content, Result>(
    {
      connection,
      stream,
      parse,
    }: {
      readonly connection: string
      readonly stream: string
      readonly parse: (text: string | null | undefined) => Content | undefined
    },
    decide: (now: Content | undefined) => DocumentChange<Content, Result>,
  ): Promise<Result> {
    const session = this.#session
    return session.transaction(async () => {
      const id = [connection, stream]
      await session.rows(
        `INSERT INTO ${schema}.documents (connection, stream) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
        id,
      )
      const [row] = await session.rows<{ content: string | null }>(
        `SELECT content FROM ${schema}.documents WHERE connection = $1 AND stream = $2 FOR UPDATE`,
        id,
      )
      const now = parse(row?.content)
      const { result, content } = decide(now)
      if (content !== undefined && content !== now)
        await session.rows(
          `UPDATE ${schema}.documents SET content = $3 WHERE connection = $1 AND stream = $2`,
          [...id, JSON.stringify(content)],
        )
      return result
    })
  }

  async #keepSent(
    target: string,
    { sent, deleted, rejected, unchanged, syncId, notesSeen }: SentChanges,
  ): Promise<void> {
    const session = this.#session
    // The source has a rejected record: it is not gone.
    const seen = notesSeen ? [...unchanged, ...rejected.map(({ key }) => key)] : []
    if (sent.length > 0)
      await session.rows(
        `INSERT INTO ${schema}.sent AS s (target, key, id, fields, version, seen, sent_at)
         SELECT $1, key, id, fields, version, $6, now()
         FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS n (key, id, fields, version)
         ON CONFLICT (target, key) DO UPDATE SET
           id = excluded.id, fields = excluded.fields, version = excluded.version, is_pending = false,
           seen = greatest(s.seen, excluded.seen), sent_at = excluded.sent_at`,
        [
          target,
          sent.map(({ key }) => key),
          sent.map(({ id }) => id),
          sent.map(({ fields }) => stringifyExact(fields)),
          sent.map(({ version }) => version),
          syncId,
        ],
      )
    if (deleted.length > 0)
      await session.rows(`DELETE FROM ${schema}.sent WHERE target = $1 AND key = ANY($2)`, [
        target,
        deleted,
      ])
    if (seen.length > 0)
      await session.rows(
        `UPDATE ${schema}.sent SET seen = $3 WHERE target = $1 AND key = ANY($2) AND seen < $3`,
        [target, seen, syncId],
      )
  }

  /** A record that was written, or is as it should be, is no longer rejected. */
  async #keepRejects(
    target: string,
    { sent, deleted, rejected, untouched, unchanged, syncId }: SentChanges,
  ): Promise<void> {
    const settled = [...sent.map(({ key }) => key), ...deleted, ...unchanged]
    if (settled.length > 0)
      await this.#session.rows(
        `DELETE FROM ${schema}.rejects WHERE target = $1 AND key = ANY($2)`,
        [target, settled],
      )
    if (rejected.length === 0) return
    await this.#session.rows(
      `DELETE FROM ${schema}.sent WHERE target = $1 AND key = ANY($2) AND id = ''`,
      [target, untouched],
    )
    await this.#session.rows(
      `UPDATE ${schema}.sent SET is_pending = false WHERE target = $1 AND key = ANY($2) AND is_pending`,
      [target, untouched],
    )
    await this.#session.rows(
      `INSERT INTO ${schema}.rejects AS r (target, key, operation, code, reason, fields, may_retry, record, sync_id)
       SELECT $1, key, operation, code, reason, string_to_array(fields, ','), may_retry, record, $9
       FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::text[])
         AS n (key, operation, code, reason, fields, may_retry, record)
       ON CONFLICT (target, key) DO UPDATE SET
         operation = excluded.operation, code = excluded.code, reason = excluded.reason,
         fields = excluded.fields, may_retry = excluded.may_retry, record = excluded.record,
         times = r.times + 1, last_at = now(), sync_id = greatest(r.sync_id, excluded.sync_id)`,
      [
        target,
        rejected.map(({ key }) => key),
        rejected.map(({ operation }) => operation),
        rejected.map(({ code }) => code),
        rejected.map(({ reason }) => withoutNulls(reason)),
        rejected.map(({ fields }) => fields.join(',')),
        rejected.map(({ mayRetry }) => mayRetry),
        rejected.map(({ record }) => withoutNulls(record)),
        syncId,
      ],
    )
  }

  async #targetId({ connection, stream, place }: WriteTarget): Promise<string> {
    const name = JSON.stringify([connection, stream, place])
    const known = this.#targets.get(name)
    if (known !== undefined) return known
    const [row] = await this.#session.rows<{ id: string }>(
      `INSERT INTO ${schema}.targets AS t (connection, stream, place) VALUES ($1, $2, $3)
       ON CONFLICT (connection, stream, place) DO UPDATE SET place = t.place RETURNING id`,
      [connection, stream, place],
    )
    const id = row?.id ?? ''
    this.#targets.set(name, id)
    return id
  }
}

interface SentRow {
  readonly key: string
  readonly id: string
  readonly fields: string
  readonly version: string | null
  readonly is_pending: boolean
}

interface RejectRow extends Pick<StoredReject, 'stream' | 'key' | 'operation' | 'code' | 'reason'> {
  readonly place: string
  readonly fields: string[]
  readonly may_retry: boolean
  readonly times: number
  readonly first_at: Date
  readonly last_at: Date
  readonly record: string
}

function sentRecord({ key, id, fields, version, is_pending: isPending }: SentRow): SentRecord {
  return { key, id, fields: parseExactJson(fields) as JsonObject, version, isPending }
}

/** PostgreSQL stores no character 0. */
function withoutNulls(text: string): string {
  return text.replaceAll('\u0000', '')
}
