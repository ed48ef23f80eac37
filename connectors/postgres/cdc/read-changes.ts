import {
  columnsOf,
  ConnectError,
  primaryKey,
  streamIdOf,
  streamLabel,
} from '../../../protocol/index.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../../connector.ts'
import { parsePostgresConfig } from '../config.ts'
import { placeOf } from '../planned-tables.ts'
import { ChangeOutput } from './change-output.ts'
import { tableKey } from './change-router.ts'
import type { ChangeBatch } from './change-batch.ts'
import {
  beginningOf,
  type ChangesSession,
  changesSession,
  type ChangesState,
  positionOf,
} from './changes-state.ts'
import { FeedMember } from './feed-member.ts'
import { feedOf, type FeedReader } from './feed-reader.ts'
import { formatLsn, later, type Lsn, parseLsn } from './lsn.ts'
import { orderText } from './row-order.ts'
import { SnapshotReader } from './snapshot-chunk.ts'
import { ValueConverter } from './value-converter.ts'

/** A state comes about this often, and after this many bytes. */
const stateMs = 1_000
/**
 * A continuous read that has no change left to take does not wait for more of them: a change is then seen in
 * 0.1 s and not in a second. Each state is a commit at the destination, so many streams wait longer.
 */
const drainedStateMs = { each: 3, least: 30 }
const stateBytes = 8 * 1024 * 1024
/**
 * A stream without changes moves its position this often, so that the server can forget its log: each time is
 * a commit at the destination, so many streams do it less often.
 */
const idleStateMs = { each: 100, least: 2_000, most: 60_000 }
/** Changes that are emitted before the next part of a snapshot is read. */
const bytesBetweenChunks = 16 * 1024 * 1024
/** Before the server is asked again whether it shows a transaction. */
const unseenMs = 100

/** Reads the changes of one stream from the feed of its session, and first the rows that are there. */
export async function readChanges(
  task: ReadTask,
  out: RecordOutput,
  context: ConnectorContext,
): Promise<'complete' | 'stopped'> {
  const config = parsePostgresConfig(task.config)
  const session = changesSession.parse(task.session)
  const label = streamLabel(task.stream.stream)
  const state = beginningOf(session, task.state, label)
  if (context.signal.aborted) return 'stopped'
  for (const warning of session.warnings) context.warn?.(warning)
  const { era = 0 } = state
  const feed = feedOf({ config, session, logger: context.logger })
  const member = memberOf(task, session, { from: parseLsn(state.lsn), era, feed })
  const { signal, logger } = context
  const snapshot = new SnapshotReader({ config, stream: task.stream, context: { signal, logger } })
  const converter = new ValueConverter(config, task.stream, context)
  const changes = new ChangeOutput(out, {
    columns: columnsOf(task.stream.stream.json_schema),
    rules: task.rules,
    rowOf: snapshot.row.bind(snapshot),
    convert: converter.convert.bind(converter),
  })
  const end = task.isContinuous === true ? undefined : parseLsn(session.end)
  const streams = session.members.length
  const idleMs = Math.min(idleStateMs.most, Math.max(idleStateMs.least, idleStateMs.each * streams))
  const drainedMs = Math.min(stateMs, Math.max(drainedStateMs.least, drainedStateMs.each * streams))
  const parts = { feed, member, changes, snapshot, state, end }
  const hasChanges = session.hasNoSlot !== true
  const read = new StreamRead({ ...parts, out, context, label, idleMs, drainedMs, hasChanges })
  out.onCommitted?.((committed) => {
    const position = positionOf(committed, era)
    // The destination may still have the state of another slot, from before the snapshot: of an earlier era.
    if (position !== undefined && position <= read.written)
      feed.noteCommitted(member.stream.key, position)
  })
  feed.join(member, session)
  try {
    return await read.run()
  } finally {
    feed.leave(member, read.written)
  }
}

function memberOf(
  { stream: configured, isContinuous }: ReadTask,
  session: ChangesSession,
  { from, era, feed }: { readonly from: Lsn; readonly era: number; readonly feed: FeedReader },
): FeedMember {
  const { schema, name } = placeOf(streamIdOf(configured.stream))
  const columns = columnsOf(configured.stream.json_schema).map((column) => column.name)
  const key = (primaryKey(configured) ?? []).map(([field = '']) => field)
  const known = configured.stream.source_columns?.numbers.map(([column]) => column)
  const types = session.columns?.map(([column, , type]) => [column, type] as const)
  return new FeedMember(
    {
      key: tableKey(schema, name),
      label: streamLabel(configured.stream),
      columns,
      keyColumns: key,
      present: new Set([...columns, ...(known ?? [])]),
      types: new Map(types),
      era,
      ...(isContinuous === true && { isNewLayout: feed.isNewLayout.bind(feed) }),
    },
    from,
  )
}

interface StreamReadOptions {
  readonly feed: FeedReader
  readonly member: FeedMember
  readonly changes: ChangeOutput
  readonly snapshot: SnapshotReader
  readonly state: ChangesState
  /** Undefined: the read goes on until it is stopped. */
  readonly end: Lsn | undefined
  readonly out: RecordOutput
  readonly context: ConnectorContext
  readonly label: string
  readonly idleMs: number
  readonly drainedMs: number
  /** False if there is no slot, so that changes do not come. */
  readonly hasChanges: boolean
}

/** One read: takes changes and parts of the snapshot in turn, and writes states between transactions. */
class StreamRead {
  readonly #options: StreamReadOptions
  #state: ChangesState
  /** Everything that was committed before it was emitted. */
  #position: Lsn
  #end: Lsn | undefined
  /** Rows of a transaction were emitted whose end has not come. */
  #isInTransaction = false
  #bytesSinceState = 0
  #bytesSinceChunk = 0
  #stateAt = performance.now()
  #savedPosition: Lsn
  /** Transactions that were emitted since the snapshot was last read. */
  #unseen: Set<number>

  constructor(options: StreamReadOptions) {
    this.#options = options
    this.#state = options.state
    this.#position = parseLsn(options.state.lsn)
    this.#savedPosition = this.#position
    this.#end = options.end
    this.#unseen = new Set(options.state.snapshot?.unseen)
  }

  get #era(): number {
    return this.#state.era ?? 0
  }

  /** The position of its last state. */
  get written(): Lsn {
    return this.#savedPosition
  }

  async run(): Promise<'complete' | 'stopped'> {
    const { feed, member, context } = this.#options
    for (;;) {
      if (context.signal.aborted) return await this.#stop()
      for (const warning of member.takeWarnings())
        context.warn?.(`${this.#options.label}: ${warning}`)
      const wantsChunk = this.#wantsChunk
      const batch = wantsChunk ? undefined : feed.take(member)
      if (batch !== undefined) await this.#emit(batch)
      else {
        this.#settle()
        if (wantsChunk || this.#wantsChunkWhenDrained) await this.#chunk()
        else if (this.#isAtEnd) return await this.#complete()
        else await this.#wait()
      }
      if (this.#isStateDue) await this.#writeState()
    }
  }

  /** Changes that come without a pause must not keep the snapshot waiting. */
  get #wantsChunk(): boolean {
    return this.#wantsChunkWhenDrained && this.#bytesSinceChunk > bytesBetweenChunks
  }

  get #wantsChunkWhenDrained(): boolean {
    const { snapshot } = this.#state
    if (snapshot === undefined || this.#isInTransaction) return false
    return snapshot.behind === undefined || this.#position >= parseLsn(snapshot.behind)
  }

  /** The feed may have passed transactions that have nothing for this stream. */
  #settle(): void {
    const { feed, member } = this.#options
    if (this.#isInTransaction || !member.isDrained) return
    this.#position = later(this.#position, feed.positionFor(member))
  }

  get #isAtEnd(): boolean {
    const end = this.#end
    return (
      end !== undefined &&
      this.#state.snapshot === undefined &&
      !this.#isInTransaction &&
      this.#position >= end
    )
  }

  async #wait(): Promise<void> {
    const { member, context } = this.#options
    const { behind } = this.#state.snapshot ?? {}
    member.goal = behind === undefined ? this.#end : parseLsn(behind)
    await member.wait(
      this.#bytesSinceState > 0 ? this.#stateMs : this.#options.idleMs,
      context.signal,
    )
    member.goal = undefined
  }

  async #emit(batch: ChangeBatch): Promise<void> {
    const { changes } = this.#options
    this.#isInTransaction ||= batch.committedLength > 0
    await changes.part(batch, 0, batch.committedLength)
    this.#bytesSinceState += batch.length
    this.#bytesSinceChunk += batch.length
    if (batch.committed !== undefined) {
      this.#isInTransaction = false
      this.#position = batch.committed
      if (this.#state.snapshot !== undefined) for (const xid of batch.xids) this.#unseen.add(xid)
    }
    if (batch.committedLength === batch.length) return
    if (this.#isStateDue) await this.#writeState()
    this.#isInTransaction = true
    await changes.part(batch, batch.committedLength, batch.length)
  }

  async #chunk(): Promise<void> {
    const { snapshot, changes, context } = this.#options
    const { after = null } = this.#state.snapshot ?? {}
    const chunk = await snapshot.next(after, {
      order: orderText(this.#era, this.#position),
      unseen: [...this.#unseen],
      out: (lines) => changes.lines(lines),
    })
    if (chunk === undefined) return
    if ('unseen' in chunk) {
      this.#unseen = new Set(chunk.unseen)
      await this.#options.member.wait(unseenMs, context.signal)
      return
    }
    this.#unseen.clear()
    this.#bytesSinceChunk = 0
    const { sweeps } = this.#state.snapshot ?? {}
    if (chunk.after === null) {
      if (sweeps === true) await changes.gone(orderText(this.#era, 0n), context.now())
      this.#state = withoutSnapshot(this.#state)
      // The rows show changes up to here: the table is as it was at one moment once these were replayed.
      if (this.#end !== undefined && this.#options.hasChanges)
        this.#end = later(this.#end, chunk.shownTo)
    } else {
      const progress = { key: [...chunk.key], after: [...chunk.after], ...(sweeps && { sweeps }) }
      this.#state = { ...this.#state, snapshot: progress }
    }
    await this.#writeState()
  }

  get #isStateDue(): boolean {
    if (this.#isInTransaction) return false
    if (this.#bytesSinceState >= stateBytes) return true
    const waited = performance.now() - this.#stateAt
    if (this.#bytesSinceState > 0) return waited >= this.#stateMs
    return waited >= this.#options.idleMs && this.#position > this.#savedPosition
  }

  get #stateMs(): number {
    const { end, member } = this.#options
    return end === undefined && member.isDrained ? this.#options.drainedMs : stateMs
  }

  async #writeState(): Promise<void> {
    const { snapshot } = this.#state
    const unseen = [...this.#unseen]
    this.#state = {
      ...this.#state,
      lsn: formatLsn(this.#position),
      ...(snapshot && { snapshot: { ...snapshot, ...(unseen.length > 0 && { unseen }) } }),
    }
    await this.#options.out.state(this.#state)
    this.#bytesSinceState = 0
    this.#stateAt = performance.now()
    this.#savedPosition = this.#position
  }

  async #complete(): Promise<'complete'> {
    await this.#writeState()
    return 'complete'
  }

  async #stop(): Promise<'stopped'> {
    if (this.#isInTransaction) {
      const { label } = this.#options
      const details = { stream: label, reason: 'it was in the middle of a transaction' }
      throw new ConnectError('source_read_interrupted', { details })
    }
    await this.#writeState()
    return 'stopped'
  }
}

function withoutSnapshot(state: ChangesState): ChangesState {
  const { kind, lsn, system, timeline, era, columns } = state
  return {
    kind,
    lsn,
    system,
    timeline,
    ...(era !== undefined && { era }),
    ...(columns && { columns }),
  }
}
