import { ConnectError } from '../../../protocol/index.ts'
import type { ChangeListener } from '../../platform/database/change-listener.ts'
import { violatedConstraint, type Database, type Row } from '../../platform/database/database.ts'
import { pageOf, pagePlace } from '../../platform/database/page.ts'
import { assignments, resourceOf, selectColumns, setClause } from '../../platform/database/rows.ts'
import { Conditions, notifying } from '../../platform/database/statement.ts'
import type { Page } from '../../platform/lists.ts'
import type {
  NewStoredReceiver,
  PlainTarget,
  ReceiverChange,
  ReceiverPageRequest,
  ReceiverStore,
  StoredReceiver,
} from './contract.ts'
import { latestEnd } from './previous.ts'
import { hideTargets, readPlainTargets } from './plain-targets.ts'
import { isRemoved } from './removed-target.ts'
import { receiverSchema } from './schema.ts'

interface ReceiverRow extends Row {
  readonly id: string
  readonly name: string
  readonly type: string | null
  readonly instance: string | null
  readonly token_hash: Buffer
  readonly previous_tokens: StoredReceiver['previousTokens']
  readonly secret_version: number
}

const table = 'reactor_connect_service.receivers'
/** Notified with the id of a receiver that changed. */
export const receiverChannel = 'reactor_connect_receiver'
const storedSchema = receiverSchema.omit({ warnings: true })
const columns = selectColumns(storedSchema, 'r', ['instance', 'previousTokenUntil'])

/** The receivers of the table expression `from`, each with its instance. */
const select = (from: string): string => `
  SELECT r.id, ${columns}, r.token_hash, r.previous_tokens, r.secret_version,
    instance.name AS instance, instance.type
  FROM ${from} AS r
  LEFT JOIN reactor_connect_service.instances AS instance ON instance.id = r.instance_id`

export class PostgresReceiverStore implements ReceiverStore {
  readonly #database: Database
  readonly #listener: ChangeListener

  constructor(database: Database, listener: ChangeListener) {
    this.#database = database
    this.#listener = listener
  }

  async create({ instance, ...fields }: NewStoredReceiver): Promise<StoredReceiver> {
    const made = assignments(fields, 2)
    const [row] = await this.#database
      .query<ReceiverRow>(
        `WITH made AS (
           INSERT INTO ${table} (instance_id, ${made.columns.join(', ')})
           SELECT instance.id, ${made.places.join(', ')}
           FROM (SELECT $1::text AS name) AS given
           LEFT JOIN reactor_connect_service.instances AS instance USING (name)
           WHERE given.name IS NULL OR instance.id IS NOT NULL
           RETURNING *, ${notifying(receiverChannel, 'id')}
         ) ${select('made')}`,
        [instance, ...made.values],
      )
      .catch((error: unknown) => {
        const constraint = violatedConstraint(error)
        if (constraint === 'receivers_name')
          throw new ConnectError('name_taken', {
            details: { kind: 'receiver', name: fields.name },
          })
        if (constraint === 'receivers_instance') return []
        throw error
      })
    if (row === undefined)
      throw new ConnectError('instance_not_found', { details: { instance: instance ?? '' } })
    return receiverOf(row, fields.name)
  }

  async get(name: string): Promise<StoredReceiver> {
    const [row] = await this.#database.query<ReceiverRow>(`${select(table)} WHERE r.name = $1`, [
      name,
    ])
    return receiverOf(row, name)
  }

  async list(request: ReceiverPageRequest): Promise<Page<StoredReceiver>> {
    const place = pagePlace('receivers', request)
    const { and, values } = new Conditions()
      .add(
        'r.instance_id = (SELECT id FROM reactor_connect_service.instances WHERE name =',
        request.instance,
        ')',
      )
      .add('r.name >', place.after)
    const rows = await this.#database.query<ReceiverRow>(
      `${select(table)} WHERE true${and} ORDER BY r.name LIMIT ${String(place.limit + 1)}`,
      values,
    )
    return pageOf(rows, place, {
      list: 'receivers',
      key: (row) => row.name,
      item: (row) => receiverOf(row, row.name),
    })
  }

  async all(): Promise<readonly StoredReceiver[]> {
    const rows = await this.#database.query<ReceiverRow>(`${select(table)} ORDER BY r.name`)
    return rows.map((row) => receiverOf(row, row.name))
  }

  async update(
    name: string,
    { isSecretNew = false, ...change }: ReceiverChange,
    ifVersion?: number,
  ): Promise<StoredReceiver> {
    const changed = assignments(change, 4)
    const [row] = await this.#database.query<ReceiverRow>(
      `WITH changed AS (
         UPDATE ${table} SET ${setClause(changed)}
           secret_version = secret_version + $3::boolean::integer,
           version = version + 1,
           updated_at = now()
         WHERE name = $1 AND version = coalesce($2, version)
         RETURNING *, ${notifying(receiverChannel, 'id')}
       ), discarded AS (
         UPDATE reactor_connect_service.webhook_dispatches AS row
         SET status = 'discarded', ended_at = now()
         FROM changed AS receiver
         WHERE row.receiver_id = receiver.id AND row.status = 'pending' AND ${isRemoved}
       ) ${select('changed')}`,
      [name, ifVersion, isSecretNew, ...changed.values],
    )
    return row === undefined ? this.#missing(name, ifVersion) : receiverOf(row, name)
  }

  async delete(name: string, ifVersion?: number): Promise<StoredReceiver> {
    const row = await this.#database.transaction(async (session) => {
      // Deletes months of deliveries too.
      await session.query('SET LOCAL statement_timeout = 0')
      const [deleted] = await session.query<ReceiverRow>(
        `WITH deleted AS (
           DELETE FROM ${table} WHERE name = $1 AND version = coalesce($2, version)
           RETURNING *, ${notifying(receiverChannel, 'id')}
         ) ${select('deleted')}`,
        [name, ifVersion],
      )
      return deleted
    })
    return row === undefined ? this.#missing(name, ifVersion) : receiverOf(row, name)
  }

  plainTargets(): Promise<readonly PlainTarget[]> {
    return readPlainTargets(this.#database)
  }

  async hideTargets(receiverId: string, hidden: ReadonlyMap<string, string>): Promise<void> {
    await hideTargets(this.#database, receiverId, hidden)
    await this.#database.query('SELECT pg_notify($1, $2)', [receiverChannel, receiverId])
  }

  onChange(changed: () => void): Disposable {
    return this.#listener.onChange(receiverChannel, changed)
  }

  async #missing(name: string, expected: number | undefined): Promise<never> {
    const { version } = await this.get(name)
    throw new ConnectError('version_conflict', {
      details: { kind: 'Receiver', name, actual: version, expected: expected ?? version },
    })
  }
}

function receiverOf(row: ReceiverRow | undefined, name: string): StoredReceiver {
  if (row === undefined) throw new ConnectError('receiver_not_found', { details: { name } })
  return {
    ...resourceOf(storedSchema, row, { previousTokenUntil: latestEnd(row.previous_tokens) }),
    id: row.id,
    type: row.type,
    tokenHash: row.token_hash,
    previousTokens: row.previous_tokens,
    secretVersion: row.secret_version,
  }
}
