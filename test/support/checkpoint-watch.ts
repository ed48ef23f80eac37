import type { TestDatabase } from './postgres.ts'

interface Checkpoint {
  readonly stream: string
  readonly sync: number
  readonly slice: string
  readonly seq: number
  readonly complete: boolean
}

/** Looks at the checkpoints of a connection all the time, and records those that went backwards. */
export class CheckpointWatch implements AsyncDisposable {
  /** Empty if no checkpoint ever went backwards. */
  readonly setbacks: string[] = []
  /** How many looks saw a checkpoint move. */
  moves = 0
  readonly #db: TestDatabase
  readonly #connection: string
  readonly #last = new Map<string, Checkpoint>()
  readonly #watching: Promise<void>
  #isOver = false

  constructor(db: TestDatabase, connection: string) {
    this.#db = db
    this.#connection = connection
    this.#watching = this.#watch()
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      await this.look()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async look(): Promise<void> {
    const [table] = await this.#db.query(
      `SELECT to_regclass('reactor_connect.slices') IS NOT NULL AS exists`,
    )
    if (table?.exists !== true) return
    const rows = await this.#db.query(
      `SELECT s.name AS stream, s.sync_id::int AS sync, l.slice, l.seq::int AS seq, l.complete
         FROM reactor_connect.slices l JOIN reactor_connect.streams s ON s.id = l.stream_id
        WHERE s.connection = $1 AND l.planned_sync = s.sync_id`,
      [this.#connection],
    )
    for (const row of rows) this.#compare(row as unknown as Checkpoint)
  }

  #compare(now: Checkpoint): void {
    const key = `${now.stream} ${String(now.sync)} ${now.slice}`
    const before = this.#last.get(key)
    this.#last.set(key, now)
    if (before === undefined || (before.seq === now.seq && before.complete === now.complete)) return
    this.moves += 1
    if (now.seq < before.seq || (before.complete && !now.complete))
      this.setbacks.push(`${JSON.stringify(before)} -> ${JSON.stringify(now)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#watching
  }
}
