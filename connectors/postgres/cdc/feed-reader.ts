import type { Logger } from 'pino'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError } from '../../../protocol/index.ts'
import type { PostgresConfig } from '../config.ts'
import type { ChangesSession } from './changes-state.ts'
import { ChangeRouter } from './change-router.ts'
import type { FeedMember } from './feed-member.ts'
import { earlier, later, type Lsn } from './lsn.ts'
import { ReplicationConnection } from './replication-connection.ts'

/** Changes that wait to be read, of all streams: beyond this the server has to wait. */
const mostBytes = 16 * 1024 * 1024
/** A status says that we live, and how far the server may forget. The server waits 60 s for one. */
const statusMs = 1_000
/** A read that only waits for a position asks for it. */
const goalMs = 50
/** Streams join one after the other; one that is late makes the connection begin again. */
const joinMs = 3_000
/** The walsender of a run that was killed lives until the server notices. */
const slotPatienceMs = 30_000
/** A destination may commit the last states after the reads have ended. */
const farewellMs = 3_000
/** A server that is well responds to each status. */
const silenceMs = 300_000

export interface FeedOptions {
  readonly config: PostgresConfig
  readonly session: ChangesSession
  readonly logger: Logger
}

/**
 * Reads the changes of a slot over one connection, for all streams of a run, and confirms to the server what
 * the destination has committed of all of them.
 */
export class FeedReader {
  readonly #options: FeedOptions
  /** Streams may be added while the feed runs: the session of the last one that joined knows them all. */
  #session: ChangesSession
  readonly #layouts = new Set<string>()
  readonly #members = new Map<string, FeedMember>()
  readonly #router = new ChangeRouter(this.#members)
  /** For each stream that has joined: below the position, everything is committed at the destination. */
  readonly #committed = new Map<string, Lsn>()
  /** For each stream that has left: the position of its last state. */
  readonly #written = new Map<string, Lsn>()
  #connection: ReplicationConnection | undefined
  /** Counts the connections: what an earlier one still says is not heard. */
  #attempt = 0
  #isRunning = false
  readonly #load = { bytes: 0 }
  #isPaused = false
  #timer: NodeJS.Timeout | undefined
  #goalTimer: NodeJS.Timeout | undefined
  #farewell: NodeJS.Timeout | undefined
  #heardAt = 0
  #bytesSeen = 0

  constructor(options: FeedOptions) {
    this.#options = options
    this.#session = options.session
  }

  /** Adds a stream: its changes come from the position of the member on. */
  join(member: FeedMember, session: ChangesSession): void {
    const { key } = member.stream
    clearTimeout(this.#farewell)
    const hasOthers = !isSubset(session.publications, this.#session.publications)
    if (isSubset(this.#session.members, session.members)) this.#session = session
    const isConnected = this.#connection !== undefined
    const isBehind = isConnected && (hasOthers || member.from < this.#router.position)
    // Before the member is there: the others have what they have received, and it has nothing.
    if (isBehind) this.#rewind()
    member.load = this.#load
    this.#members.set(key, member)
    this.#written.delete(key)
    this.#committed.set(key, member.from)
    this.#router.forget()
    if (isBehind || !this.#isRunning) void this.#begin(++this.#attempt)
  }

  /** Whether no read has ended because of this difference in the columns of a table. */
  isNewLayout(difference: string): boolean {
    const isNew = !this.#layouts.has(difference)
    this.#layouts.add(difference)
    return isNew
  }

  /** A feed whose reads have ended gives its slot to the next one. */
  makeRoom({ config: { host, port, database, slot } }: FeedOptions): void {
    const { config } = this.#options
    const isSame = config.slot === slot && config.database === database
    if (isSame && config.host === host && config.port === port && this.#members.size === 0)
      this.#close()
  }

  /** @param written the position of its last state, which the destination may not have committed yet */
  leave(member: FeedMember, written: Lsn): void {
    const { key } = member.stream
    if (this.#members.get(key) !== member) return
    this.#members.delete(key)
    this.#written.set(key, written)
    this.#load.bytes -= member.size
    this.#router.forget()
    this.#flow()
    if (this.#members.size > 0) return
    if (this.#isConfirmed) this.#close()
    else
      this.#farewell = setTimeout(() => {
        this.#close()
      }, farewellMs)
  }

  /** The destination has committed everything of the stream below the position. */
  noteCommitted(key: string, position: Lsn): void {
    const before = this.#committed.get(key)
    if (before === undefined || position <= before) return
    this.#committed.set(key, position)
    if (this.#members.size === 0 && this.#isConfirmed) this.#close()
  }

  /** Below it, all changes of the member were received, if it has taken all that is in its queue. */
  positionFor(member: FeedMember): Lsn {
    const { position, start } = this.#router
    return this.#connection !== undefined && start <= member.from
      ? later(position, member.from)
      : member.from
  }

  /** The next changes of the member. Throws the error of the feed. */
  take(member: FeedMember): ReturnType<FeedMember['take']> {
    const batch = member.take()
    if (batch !== undefined) this.#flow()
    return batch
  }

  #rewind(): void {
    // One that joined while the connection was being made, and needs what is before it, has received nothing.
    for (const member of this.#members.values())
      if (member.from >= this.#router.start)
        member.rewind(this.#router.position, this.#router.commitLsn)
    this.#stop()
  }

  async #begin(attempt: number): Promise<void> {
    const { logger } = this.#options
    const isFirst = !this.#isRunning
    this.#isRunning = true
    try {
      if (this.#session.hasNoSlot === true) return
      if (isFirst) await this.#gather()
      if (attempt !== this.#attempt || this.#members.size === 0) return
      const from = [...this.#members.values()].map((member) => member.from).reduce(earlier)
      const connection = await this.#open(attempt, from)
      if (connection === undefined) return
      this.#connection = connection
      this.#heardAt = performance.now()
      this.#timer = setInterval(() => {
        this.#tick()
      }, statusMs)
      this.#goalTimer = setInterval(() => {
        this.#ask()
      }, goalMs)
      logger.debug({ slot: this.#session.slot }, 'change feed began')
      this.#flow()
      // A stream that joined meanwhile may be behind.
      const isBehind = [...this.#members.values()].some((member) => member.from < from)
      if (!isBehind) return
      this.#rewind()
      void this.#begin(++this.#attempt)
    } catch (thrown) {
      this.#fail(attempt, this.#passing(ConnectError.from(thrown)))
    }
  }

  /** The reads of a run begin at about the same time. */
  async #gather(): Promise<void> {
    const until = performance.now() + joinMs
    const wanted = this.#session.members.length
    while (this.#members.size < wanted && performance.now() < until) await sleep(10)
  }

  /** Undefined if another attempt has begun meanwhile. */
  async #open(attempt: number, from: Lsn): Promise<ReplicationConnection | undefined> {
    const { config } = this.#options
    const session = this.#session
    const giveUpAt = performance.now() + slotPatienceMs
    for (;;) {
      const connection = await ReplicationConnection.open(config)
      this.#router.begin(from)
      try {
        await connection.start({
          slot: session.slot,
          publications: session.publications,
          from,
          onChange: (bytes, start) => {
            if (attempt !== this.#attempt) return
            this.#router.take(bytes, start)
            this.#flow()
          },
          onPosition: (position) => {
            if (attempt === this.#attempt) this.#router.pass(position)
          },
          onEnd: (error) => {
            if (this.#connection === connection) this.#fail(attempt, this.#passing(error))
          },
        })
        if (attempt === this.#attempt) return connection
        connection.destroy()
        return undefined
      } catch (thrown) {
        connection.destroy()
        if (attempt !== this.#attempt) return undefined
        if (!isInUse(thrown) || performance.now() > giveUpAt) throw thrown
        await sleep(250)
      }
    }
  }

  /**
   * A slot that is lost is made again when the streams are planned again, unless the user wants them to fail.
   */
  #passing(error: ConnectError): ConnectError {
    const { host, port, slot, on_lost_slot: onLoss } = this.#options.config
    if (error.code !== 'source_slot_lost' || onLoss === 'fail') return error
    const reason = `replication slot ${slot} was lost`
    return new ConnectError('source_connection_lost', { details: { host, port, reason } })
  }

  /** All reads fail; a read that is tried again joins and makes a new connection. */
  #fail(attempt: number, error: ConnectError): void {
    if (attempt !== this.#attempt) return
    this.#attempt += 1
    this.#isRunning = false
    this.#stop()
    const members = [...this.#members.values()]
    this.#members.clear()
    this.#load.bytes = 0
    this.#router.forget()
    for (const member of members) member.fail(error)
  }

  /** While too much waits to be read, nothing more is taken from the server. */
  #flow(): void {
    const size = this.#load.bytes
    if (!this.#isPaused && size > mostBytes) {
      this.#isPaused = true
      this.#connection?.pause()
    } else if (this.#isPaused && size < mostBytes / 2) {
      this.#isPaused = false
      this.#heardAt = performance.now()
      this.#connection?.resume()
    }
  }

  #tick(): void {
    const connection = this.#connection
    if (connection === undefined) return
    const position = this.#safePosition
    if (position !== undefined) connection.confirm(position)
    connection.sendStatus('reply')
    const now = performance.now()
    if (this.#isPaused || connection.bytesRead !== this.#bytesSeen) this.#heardAt = now
    this.#bytesSeen = connection.bytesRead
    if (now - this.#heardAt < silenceMs) return
    const { host, port } = this.#options.config
    const reason = `the server sent nothing for ${silenceMs / 1000} seconds`
    const error = new ConnectError('source_connection_lost', { details: { host, port, reason } })
    this.#fail(this.#attempt, error)
  }

  /** Undefined if it is not known yet: the streams have not all joined, or others share the slot. */
  get #safePosition(): Lsn | undefined {
    const { members, others, isSandbox } = this.#session
    if (isSandbox === true || others.length > 0 || members.some((key) => !this.#committed.has(key)))
      return undefined
    return [...this.#committed.values()].reduce(earlier)
  }

  get #isConfirmed(): boolean {
    const written = [...this.#written]
    return written.every(([key, position]) => (this.#committed.get(key) ?? 0n) >= position)
  }

  #ask(): void {
    const isWaited = [...this.#members.values()].some(
      ({ goal }) => goal !== undefined && goal > this.#router.position,
    )
    if (isWaited && !this.#isPaused) this.#connection?.sendStatus('reply')
  }

  #stop(): void {
    clearInterval(this.#timer)
    clearInterval(this.#goalTimer)
    this.#connection?.destroy()
    this.#connection = undefined
    this.#isPaused = false
  }

  /** The last positions go to the server; nobody waits for it. */
  #close(): void {
    clearTimeout(this.#farewell)
    clearInterval(this.#timer)
    clearInterval(this.#goalTimer)
    const connection = this.#connection
    this.#connection = undefined
    this.#attempt += 1
    this.#isRunning = false
    const position = this.#safePosition
    if (connection !== undefined && position !== undefined) {
      connection.confirm(position)
      connection.sendStatus()
    }
    connection?.end()
  }
}

function isInUse(thrown: unknown): boolean {
  return thrown instanceof ConnectError && thrown.code === 'source_slot_in_use'
}

function isSubset(some: readonly string[], all: readonly string[]): boolean {
  return some.every((text) => all.includes(text))
}

/** A thread of the engine serves one run. */
const mostFeeds = 16
/**
 * The feeds of this thread. One whose reads have ended still knows what was committed: a stream may be tried
 * again.
 */
const feeds = new Map<string, FeedReader>()

/** The feed that all reads of a session share. */
export function feedOf(options: FeedOptions): FeedReader {
  const { feed } = options.session
  const known = feeds.get(feed)
  if (known !== undefined) return known
  for (const other of feeds.values()) other.makeRoom(options)
  const [oldest] = feeds.keys()
  if (oldest !== undefined && feeds.size >= mostFeeds) feeds.delete(oldest)
  const reader = new FeedReader(options)
  feeds.set(feed, reader)
  return reader
}
