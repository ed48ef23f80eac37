import { randomUUID } from 'node:crypto'
import { Batches } from '../../../lib/async/batches.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { Database, Row } from '../database/database.ts'
import type {
  IdempotencyStart,
  IdempotencyStore,
  IdempotentRequest,
  StoredResponse,
} from './idempotency-contract.ts'

interface KeyRow extends Row {
  readonly ticket: string
  readonly first_ticket: string | null
  readonly account: string | null
  readonly request_hash: string
  readonly attempt: number
  readonly locked_seconds: number
  readonly answer: StoredResponse | null
}

/** How long responses are stored. */
export const answerLifetime = '1 day'

/**
 * When a key can be taken over: by anybody once it has expired; by the same request if the process that had
 * it died. (It must be the same request, or the response would be that of another one.)
 */
const expired = `kept.created_at <= now() - interval '${answerLifetime}'`
const abandoned = `kept.answer IS NULL AND kept.locked_until <= now()
  AND kept.request_hash IN (excluded.request_hash, split_part(excluded.request_hash, ':', 2))`
const free = `(${expired} OR ${abandoned})`
const renewColumn = (column: string): string =>
  `${column} = CASE WHEN ${free} THEN excluded.${column} ELSE kept.${column} END`

interface NewKey extends IdempotentRequest {
  readonly ticket: string
}

/** Requests that come at the same time share a statement: see `bench -- actions`. */
export class PostgresIdempotencyStore implements IdempotencyStore {
  readonly #database: Database
  readonly #begun: Batches<NewKey, KeyRow | undefined>
  readonly #finished: Batches<{ readonly ticket: string; readonly answer: StoredResponse }, null>

  constructor(database: Database) {
    this.#database = database
    this.#begun = new Batches((requests) => this.#begin(requests))
    this.#finished = new Batches((finished) => this.#finish(finished))
  }

  async begin(request: IdempotentRequest): Promise<IdempotencyStart> {
    const ticket = randomUUID()
    const row = await this.#begun.add({ ...request, ticket })
    if (row?.ticket === ticket) {
      const { attempt, first_ticket: firstTicket, account } = row
      return { state: 'began', ticket, attempt, firstTicket, account }
    }
    if (row === undefined || !isSameRequest(row.request_hash, request.requestHash))
      throw refusedKey(row?.request_hash, request.requestHash)
    if (row.answer === null) throw keyInUse(row)
    return { state: 'done', answer: row.answer }
  }

  async finish(ticket: string, answer: StoredResponse): Promise<void> {
    await this.#finished.add({ ticket, answer })
  }

  async abandon(ticket: string): Promise<void> {
    await this.#database.query(
      `DELETE FROM reactor_connect_service.idempotency_keys WHERE ticket = $1 AND answer IS NULL`,
      [ticket],
    )
  }

  async release(ticket: string): Promise<void> {
    await this.#database.query(
      `UPDATE reactor_connect_service.idempotency_keys SET locked_until = now()
       WHERE ticket = $1 AND answer IS NULL`,
      [ticket],
    )
  }

  /**
   * A statement cannot change a row twice: requests with the same key take turns, in the order in which they
   * came.
   */
  async #begin(requests: readonly NewKey[]): Promise<readonly (KeyRow | undefined)[]> {
    const rows = new Map<string, KeyRow>()
    let waiting = requests
    while (waiting.length > 0) {
      const turn = new Map<string, NewKey>()
      for (const request of waiting) {
        const place = placeOf(request)
        if (!turn.has(place)) turn.set(place, request)
      }
      const chosen = [...turn.values()]
      for (const [ticket, row] of await this.#insert(chosen)) rows.set(ticket, row)
      const done = new Set(chosen.map(({ ticket }) => ticket))
      waiting = waiting.filter(({ ticket }) => !done.has(ticket))
    }
    return requests.map(({ ticket }) => rows.get(ticket))
  }

  /** The rows that the keys have then, each under the ticket of the request. */
  async #insert(requests: readonly NewKey[]): Promise<readonly (readonly [string, KeyRow])[]> {
    // In one order in all processes, so that none waits for a row of the other.
    const sorted = requests.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
    const list = (value: (request: NewKey) => unknown): unknown[] => sorted.map(value)
    // An update that changes nothing returns the present row, even if another process writes it.
    const rows = await this.#database.query<KeyRow & Pick<IdempotentRequest, 'principal' | 'key'>>(
      `INSERT INTO reactor_connect_service.idempotency_keys AS kept
         (principal, key, request_hash, ticket, first_ticket, account, locked_until)
       SELECT principal, key, request_hash, ticket, ticket, account,
         now() + seconds * interval '1 second'
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[])
         WITH ORDINALITY AS begun (principal, key, request_hash, ticket, seconds, account, place)
       ORDER BY place
       ON CONFLICT (principal, key) DO UPDATE SET
         ${['request_hash', 'ticket', 'locked_until', 'answer'].map(renewColumn).join(', ')},
         created_at = CASE WHEN ${expired} THEN excluded.created_at ELSE kept.created_at END,
         first_ticket = CASE WHEN ${expired} THEN excluded.first_ticket ELSE kept.first_ticket END,
         account = CASE WHEN ${expired} THEN excluded.account ELSE kept.account END,
         attempt = CASE WHEN ${expired} THEN 1 WHEN ${abandoned} THEN kept.attempt + 1 ELSE kept.attempt END
       RETURNING principal, key, ticket, first_ticket, account, request_hash, answer, attempt,
         extract(epoch FROM kept.locked_until - now())::float8 AS locked_seconds`,
      [
        list(({ principal }) => principal),
        list(({ key }) => key),
        list(({ requestHash }) => requestHash),
        list(({ ticket }) => ticket),
        list(({ lockedSeconds = 60 }) => lockedSeconds),
        list(({ account }) => account ?? null),
      ],
    )
    const found = new Map(rows.map((row) => [placeOf(row), row]))
    return sorted.flatMap((request) => {
      const row = found.get(placeOf(request))
      return row === undefined ? [] : [[request.ticket, row] as const]
    })
  }

  async #finish(
    finished: readonly { readonly ticket: string; readonly answer: StoredResponse }[],
  ): Promise<readonly null[]> {
    await this.#database.query(
      `UPDATE reactor_connect_service.idempotency_keys AS kept SET answer = finished.answer
       FROM unnest($1::text[], $2::json[]) AS finished (ticket, answer)
       WHERE kept.ticket = finished.ticket`,
      [finished.map(({ ticket }) => ticket), finished.map(({ answer }) => JSON.stringify(answer))],
    )
    return finished.map(() => null)
  }
}

/**
 * Hashes had no format at first, with the content of the first one: an equal hash is that of the same
 * request.
 */
function isSameRequest(kept: string, hash: string): boolean {
  return kept === hash || kept === hash.slice(hash.indexOf(':') + 1)
}

function refusedKey(kept: string | undefined, hash: string): ConnectError {
  const isComparable = kept === undefined || formatOf(kept) === formatOf(hash)
  return new ConnectError(isComparable ? 'idempotency_key_reused' : 'idempotency_key_outdated')
}

/** Empty: none. */
function formatOf(hash: string): string {
  return hash.slice(0, Math.max(0, hash.indexOf(':')))
}

/** Another process may have it, or had it when it died. */
function keyInUse({ locked_seconds: seconds }: KeyRow): ConnectError {
  const details = { retry_after_seconds: Math.max(1, Math.ceil(seconds)) }
  return new ConnectError('idempotency_key_in_use', { details })
}

function placeOf({ principal, key }: Pick<IdempotentRequest, 'principal' | 'key'>): string {
  return JSON.stringify([principal, key])
}
