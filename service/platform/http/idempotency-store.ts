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
  readonly attempt: number
  readonly answer: StoredAnswer | null
}

/** How long responses are stored. */
export const answerLifetime = '1 day'

/**
 * When a key can be taken over: by anybody once it has expired; by the same request if the process that had it died. (It must be the same
 * request, or the response would be that of another one.)
 */
const expired = `kept.created_at <= now() - interval '${answerLifetime}'`
const abandoned = `kept.answer IS NULL AND kept.locked_until <= now()
  AND kept.request_hash = excluded.request_hash`
const free = `(${expired} OR ${abandoned})`
const renewColumn = (column: string): string =>
  `${column} = CASE WHEN ${free} THEN excluded.${column} ELSE kept.${column} END`

export class PostgresIdempotencyStore implements IdempotencyStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async begin({
    principal,
    key,
    requestHash,
    lockedSeconds = 60,
  }: IdempotentRequest): Promise<IdempotencyStart> {
    const ticket = randomUUID()
    // An update that changes nothing returns the present row, even if another process writes it.
    const [row] = await this.#database.query<KeyRow>(
      `INSERT INTO reactor_connect_service.idempotency_keys AS kept
         (principal, key, request_hash, ticket, locked_until)
       VALUES ($1, $2, $3, $4, now() + $5 * interval '1 second')
       ON CONFLICT (principal, key) DO UPDATE SET
         ${['request_hash', 'ticket', 'locked_until', 'created_at', 'answer'].map(renewColumn).join(', ')},
         attempt = CASE WHEN ${expired} THEN 1 WHEN ${abandoned} THEN kept.attempt + 1 ELSE kept.attempt END
       RETURNING ticket, request_hash, answer, attempt`,
      [principal, key, requestHash, ticket, lockedSeconds],
    )
    if (row?.ticket === ticket) return { state: 'began', ticket, attempt: row.attempt }
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
