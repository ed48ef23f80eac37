import type { Logger } from 'pino'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import type { PostgresConfig } from '../config.ts'
import { type Lsn, parseLsn } from './lsn.ts'
import { holderSql } from './publication.ts'
import { unavailable } from './replication-errors.ts'
import type { ServerFacts } from './server-facts.ts'
import { ServerSession } from './server-session.ts'

export interface Slot {
  /** The server has forgotten what was committed before. */
  readonly confirmed: Lsn
  /** Why the slot had to be made again; absent: it was there, or never before. */
  readonly lost?: string
}

const slotRow = z.object({
  plugin: z.string().nullable(),
  database: z.string().nullable(),
  active_pid: z.number().nullish(),
  confirmed_flush_lsn: z.string().nullable(),
  wal_status: z.string().nullish(),
  invalidation_reason: z.string().nullish(),
  conflicting: z.boolean().nullish(),
})
export type SlotRow = z.infer<typeof slotRow>

/** Undefined if there is none. The columns of later versions may be absent. */
export async function findSlot(session: ServerSession, name: string): Promise<SlotRow | undefined> {
  const [row] = await session.rows<{ slot: unknown }>(
    'SELECT to_jsonb(s) AS slot FROM pg_replication_slots s WHERE slot_name = $1',
    [name],
  )
  return row && slotRow.parse(row.slot)
}

/** Why the slot can never be read again; undefined if it can. */
export function lossOf({
  wal_status,
  invalidation_reason,
  conflicting,
}: SlotRow): string | undefined {
  const reason = invalidation_reason ?? (conflicting === true ? 'rows_removed' : undefined)
  if (reason !== undefined) return settings[reason] ?? `the server invalidated it (${reason})`
  return wal_status === 'lost' ? settings.wal_removed : undefined
}

/** The reasons of PostgreSQL, with the setting to change. */
const settings: Readonly<Record<string, string>> = {
  wal_removed:
    'the server removed the log that it needs: raise `max_slot_wal_keep_size` of the server, or run the connection more often',
  rows_removed:
    'the standby removed rows of the catalog that it needs: set `hot_standby_feedback = on` there',
  wal_level_insufficient: 'wal_level was lowered meanwhile: keep it at logical',
  idle_timeout:
    'it was not read for a long time: raise `idle_replication_slot_timeout` of the server, or run the connection more often',
}

/** Throws if the slot belongs to others. */
export function requireOwn(row: SlotRow, config: PostgresConfig): void {
  if (row.plugin === 'pgoutput' && row.database === config.database) return
  const owner =
    row.plugin === 'pgoutput'
      ? `of database ${row.database ?? 'none'}`
      : `of ${row.plugin ?? 'physical replication'}`
  throw unavailable(config, {
    problem: `slot ${config.slot} is one ${owner}`,
    fix: 'Set `slot` to a name that no slot has.',
  })
}

/**
 * Finds the slot, or makes it: the publication has to be there before, or its tables would be missing in the
 * first changes.
 */
export async function ensureSlot(
  session: ServerSession,
  config: PostgresConfig,
  options: { readonly facts: ServerFacts; readonly logger: Logger },
): Promise<Slot> {
  const row = await findSlot(session, config.slot)
  if (row === undefined) return { confirmed: await createSlot(session, config, options) }
  requireOwn(row, config)
  const lost = lossOf(row)
  if (lost === undefined) return { confirmed: parseLsn(row.confirmed_flush_lsn ?? '0/0') }
  if (config.on_lost_slot === 'fail') {
    const { host, port, slot } = config
    throw new ConnectError('source_slot_lost', { details: { host, port, slot, reason: lost } })
  }
  await session.rows('SELECT pg_drop_replication_slot($1)', [config.slot])
  return { confirmed: await createSlot(session, config, options), lost }
}

/** The slot as it is; undefined if there is none that can be read. */
export async function readableSlot(
  session: ServerSession,
  config: PostgresConfig,
): Promise<Slot | undefined> {
  const row = await findSlot(session, config.slot)
  if (row === undefined || lossOf(row) !== undefined) return undefined
  requireOwn(row, config)
  return { confirmed: parseLsn(row.confirmed_flush_lsn ?? '0/0') }
}

/** The server waits for every transaction that is open now. */
const creationPatienceMs = 60_000
const lookMs = 1_000

async function createSlot(
  session: ServerSession,
  config: PostgresConfig,
  { facts, logger }: { readonly facts: ServerFacts; readonly logger: Logger },
): Promise<Lsn> {
  const [own] = await session.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const failover = facts.version >= 170000 && !facts.isStandby ? ', false, false, true' : ''
  const creation = session.rows<{ lsn: string }>(
    `SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput'${failover})`,
    [config.slot],
  )
  const watch = new CreationWatch(config, own?.pid ?? 0, logger)
  try {
    const [row] = await creation
    return parseLsn(row?.lsn ?? '0/0')
  } catch (thrown) {
    throw watch.error ?? thrown
  } finally {
    await watch.end()
  }
}

/** Looks, in a session of its own, for what the creation of a slot waits for, and ends it after a while. */
class CreationWatch {
  readonly #config: PostgresConfig
  readonly #pid: number
  readonly #logger: Logger
  readonly #giveUpAt = performance.now() + creationPatienceMs
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isReported = false
  error: ConnectError | undefined

  constructor(config: PostgresConfig, pid: number, logger: Logger) {
    this.#config = config
    this.#pid = pid
    this.#logger = logger
    this.#plan()
  }

  #plan(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((thrown: unknown) => {
          this.#logger.debug({ err: thrown }, 'the creation of a slot could not be watched')
        })
        .finally(() => {
          if (this.#timer !== undefined) this.#plan()
        })
    }, lookMs)
  }

  async #look(): Promise<void> {
    await using session = await ServerSession.open(this.#config, this.#logger)
    const [row] = await session.rows<{ holder: string }>(
      `SELECT ${holderSql} AS holder FROM unnest(pg_blocking_pids($1)) AS b(pid)
         LEFT JOIN pg_stat_activity s ON s.pid = b.pid LIMIT 1`,
      [this.#pid],
    )
    if (row === undefined) return
    const { host, port, slot } = this.#config
    if (!this.#isReported) {
      this.#isReported = true
      this.#logger.warn({ slot, ...row }, 'the creation of a slot waits for an open transaction')
    }
    if (performance.now() < this.#giveUpAt) return
    this.error = new ConnectError('source_slot_waits', { details: { host, port, ...row } })
    await session.rows('SELECT pg_cancel_backend($1)', [this.#pid])
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#looking
  }
}
