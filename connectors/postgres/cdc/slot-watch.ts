import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { SourceLag } from '../../connector.ts'
import type { PostgresConfig } from '../config.ts'
import { parseLsn } from './lsn.ts'
import { ServerSession } from './server-session.ts'
import { LagClock, lagOf, type SlotSize, WalGuard } from './wal-guard.ts'

const lookMs = 2_000
const patienceMs = 60_000
const warnEveryMs = 600_000

export interface WatchOptions {
  readonly config: PostgresConfig
  readonly logger: Logger
  readonly onLag: (lag: SourceLag) => void
  readonly signal: AbortSignal
  readonly lookMs?: number
  readonly patienceMs?: number
}

/**
 * Looks at the slot every two seconds until the signal is aborted. Throws `source_wal_limit` when the server
 * keeps more log for it than `max_slot_wal`, and the run does not catch up.
 */
export async function watchSlot(options: WatchOptions): Promise<void> {
  const { config, logger, signal } = options
  const most = config.max_slot_wal === undefined ? undefined : bytesOf(config.max_slot_wal)
  const guard = new WalGuard({ most, patienceMs: options.patienceMs ?? patienceMs })
  const clock = new LagClock()
  let warnedAt = Number.NEGATIVE_INFINITY
  await using look = new SlotLook(config, logger)
  for (;;) {
    const seen = await look.take()
    if (seen !== undefined) {
      guard.note(seen.size)
      const { size, end, confirmed } = seen
      const lag = lagOf(size, clock.age(size.atMs, { end, confirmed }), guard)
      options.onLag(lag)
      if ((guard.isNear || guard.isOver) && size.atMs - warnedAt > warnEveryMs) {
        warnedAt = size.atMs
        logger.warn({ slot: config.slot, ...lag }, nearMessage)
      }
      if (guard.isOver && config.at_max_slot_wal !== 'warn') throw await look.limitError(size)
    }
    await sleep(options.lookMs ?? lookMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
  }
}

const nearMessage =
  'the server keeps more and more of its log for the slot, because the destination does not keep up: soon it is too much'

const units: Readonly<Record<string, number>> = { MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 }

function bytesOf(text: string): number {
  return Number.parseInt(text, 10) * (units[text.slice(-2)] ?? 1)
}

interface Seen {
  readonly size: SlotSize
  readonly end: bigint
  readonly confirmed: bigint
}

/** A session that is opened again when it was lost: a server that restarts is not the end of a feed. */
class SlotLook implements AsyncDisposable {
  readonly #config: PostgresConfig
  readonly #logger: Logger
  #session: ServerSession | undefined

  constructor(config: PostgresConfig, logger: Logger) {
    this.#config = config
    this.#logger = logger
  }

  /** Undefined if the slot cannot be seen now. */
  async take(): Promise<Seen | undefined> {
    try {
      this.#session ??= await ServerSession.open(this.#config, this.#logger)
      const [row] = await this.#session.rows<{
        confirmed: string
        present: string
        behind: number
        kept: number
        safe: number | null
      }>(sizeSql, [this.#config.slot])
      if (row === undefined) return undefined
      const { behind, kept, safe } = row
      return {
        size: { atMs: Date.now(), behind: Math.max(0, behind), kept: Math.max(0, kept), safe },
        end: parseLsn(row.present),
        confirmed: parseLsn(row.confirmed),
      }
    } catch (thrown) {
      const { code, message: reason } = ConnectError.from(thrown)
      this.#logger.debug({ code, reason }, 'the slot could not be looked at')
      const session = this.#session
      this.#session = undefined
      await session?.[Symbol.asyncDispose]()
      return undefined
    }
  }

  /** The error that ends the feed. */
  async limitError({ kept }: SlotSize): Promise<ConnectError> {
    const { host, port, slot, max_slot_wal: limit = '', at_max_slot_wal: how } = this.#config
    if (how === 'drop') await this.#dropSlot()
    const megabytes = Math.round(kept / 2 ** 20)
    const outcome =
      how === 'drop' ? 'the slot is dropped once the feed has left it' : 'the slot stays'
    return new ConnectError('source_wal_limit', {
      details: { host, port, slot, megabytes, limit, outcome },
    })
  }

  /** The sender of the feed ends with it. */
  async #dropSlot(): Promise<void> {
    await this.#session?.rows(
      `SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL`,
      [this.#config.slot],
    )
    await this.#session?.rows(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active`,
      [this.#config.slot],
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]()
  }
}

const sizeSql = `SELECT s.confirmed_flush_lsn::text AS confirmed, w.present::text AS present,
    pg_wal_lsn_diff(w.present, s.confirmed_flush_lsn)::float8 AS behind,
    pg_wal_lsn_diff(w.present, s.restart_lsn)::float8 AS kept,
    (to_jsonb(s) ->> 'safe_wal_size')::float8 AS safe
  FROM pg_replication_slots s,
    (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS present) w
 WHERE s.slot_name = $1 AND s.restart_lsn IS NOT NULL AND s.confirmed_flush_lsn IS NOT NULL`
