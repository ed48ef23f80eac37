import type { SideName } from '../../../sinks/two-way/link.ts'
import type { TwoWaySession } from '../postgres/two-way-session.ts'
import type { ReadStates } from './read-stream.ts'

/** Where reads of changes go on, beside the links: in the schema `reactor_connect` of their database. */
export class StoredStates {
  readonly #session: TwoWaySession
  readonly #pair: string
  readonly #side: SideName

  constructor(
    session: TwoWaySession,
    { pair, side }: { readonly pair: string; readonly side: SideName },
  ) {
    this.#session = session
    this.#pair = pair
    this.#side = side
  }

  /** Makes the table, if it is not there yet. */
  async setUp(): Promise<void> {
    await this.#session.rows('CREATE SCHEMA IF NOT EXISTS reactor_connect')
    await this.#session.rows(`CREATE TABLE IF NOT EXISTS reactor_connect.two_way_reads (
      pair text NOT NULL, side text NOT NULL, stream text NOT NULL, states json NOT NULL,
      PRIMARY KEY (pair, side, stream))`)
  }

  /** Empty: nothing was read yet. */
  async load(stream: string): Promise<ReadStates> {
    const [row] = await this.#session.rows<{ states: ReadStates }>(
      `SELECT states FROM reactor_connect.two_way_reads
       WHERE pair = $1 AND side = $2 AND stream = $3`,
      [this.#pair, this.#side, stream],
    )
    return row?.states ?? {}
  }

  async save(stream: string, states: ReadStates): Promise<void> {
    await this.#session.rows(
      `INSERT INTO reactor_connect.two_way_reads (pair, side, stream, states)
       VALUES ($1, $2, $3, $4::json)
       ON CONFLICT (pair, side, stream) DO UPDATE SET states = excluded.states`,
      [this.#pair, this.#side, stream, JSON.stringify(states)],
    )
  }
}
