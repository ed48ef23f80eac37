import { randomUUID } from 'node:crypto'
import { ConnectError } from '../../../protocol/index.ts'
import type { Database, Row } from '../database/database.ts'
import type {
  IdempotencyStart,
  IdempotencyStore,
  IdempotentRequest,
  StoredAnswer,
} from './idempotency-contract.ts'

interface KeyRow extends Row {
  readonly ticket: string
  readonly request_hash: string
  readonly answer: StoredAnswer | null
}

/** How long responses are stored. */
export const answerLifetime = '1 day'

/**
 * When a key can be taken over: by anybody once it has expired; by the same request if the process that had it died. (It must be the same
 * request, or the response would be that of another one.)
 */
const free = `kept.created_at <= now() - interval '${answerLifetime}' OR kept.answer IS NULL
  AND kept.locked_until <= now() AND kept.request_hash = excluded.request_hash`
const renewColumn = (column: string): string =>
  `${column} = CASE WHEN ${free} THEN excluded.${column} ELSE kept.${column} END`

export class PostgresIdempotencyStore implements IdempotencyStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async begin({ principal, key, requestHash }: IdempotentRequest): Promise<IdempotencyStart> {
    const ticket = randomUUID()
    // An update that changes nothing returns the present row, even if another process writes it.
    const [row] = await this.#database.query<KeyRow>(
      `INSERT INTO reactor_connect_service.idempotency_keys AS kept
         (principal, key, request_hash, ticket, locked_until)
       VALUES ($1, $2, $3, $4, now() + interval '1 minute')
       ON CONFLICT (principal, key) DO UPDATE SET
         ${['request_hash', 'ticket', 'locked_until', 'created_at', 'answer'].map(renewColumn).join(', ')}
       RETURNING ticket, request_hash, answer`,
      [principal, key, requestHash, ticket],
    )
    if (row?.ticket === ticket) return { state: 'began', ticket }
    if (row?.request_hash !== requestHash) throw new ConnectError('idempotency_key_reused')
    if (row.answer === null) throw new ConnectError('idempotency_key_in_use')
    return { state: 'done', answer: row.answer }
  }

  async finish(ticket: string, answer: StoredAnswer): Promise<void> {
    await this.#database.query(
      `UPDATE reactor_connect_service.idempotency_keys SET answer = $2 WHERE ticket = $1`,
      [ticket, JSON.stringify(answer)],
    )
  }

  async abandon(ticket: string): Promise<void> {
    await this.#database.query(
      `DELETE FROM reactor_connect_service.idempotency_keys WHERE ticket = $1 AND answer IS NULL`,
      [ticket],
    )
  }
}
