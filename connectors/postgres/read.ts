import { resetCommands } from '../../lib/text/reset-commands.ts'
import { z } from 'zod'
import {
  type ConfiguredAirbyteStream,
  ConnectError,
  cursorField,
  type JsonValue,
  streamLabel,
} from '../../protocol/index.ts'
import { MalformedCopy } from '../../protocol/avro/malformed-copy.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../connector.ts'
import { isCursorType } from './column-types.ts'
import { parsePostgresConfig } from './config.ts'
import { hasHash } from '../../protocol/rules/record-rules.ts'
import { HashedFields } from './hashed-fields.ts'
import { refuseIncomplete } from './missing-rows.ts'
import { type Origin, originChange, originOf, server } from './origin.ts'
import { readRange, readWhole } from './read-full-refresh.ts'
import { readIncremental } from './read-incremental.ts'
import { noteChangedColumns } from './note-changed-columns.ts'
import { idleSessions, openWhenFree, requireSameTables } from './read-session.ts'
import { keepsItsPlace } from './saved-type.ts'
import type { SourceSession } from './session.ts'
import type { SliceRead } from './slice-read.ts'
import { type CursorState, parseCursorState, parseFullRefreshState } from './states.ts'
import { findSource, type SourceColumn, type StreamSource } from './stream-source.ts'
import type { Table } from './tables.ts'
import { giveBack } from './used-again.ts'

/** The facts that `openRead` shares with every read of the run. */
export const sharedSession = z.object({
  snapshot: z.string(),
  server,
  /** As the plan of the stream found it. */
  table: z.custom<Table>().nullish(),
})

/** Reads one slice in a session of its own that sees the run's snapshot. */
export async function readSlice(
  task: ReadTask,
  out: RecordOutput,
  context: ConnectorContext,
): Promise<'complete' | 'stopped'> {
  if (isDone(task.state)) {
    if (task.state !== null) await out.state(task.state)
    return 'complete'
  }
  const { signal, logger } = context
  if (signal.aborted) return 'stopped'
  const config = parsePostgresConfig(task.config)
  const { snapshot, server: pinnedServer, table } = sharedSession.parse(task.session)
  const session = await openWhenFree(config, { logger, snapshot, signal })
  if (session === undefined) return 'stopped'
  const covered = new CoveredOutput(out, (reason) =>
    session.damage(streamLabel(task.stream.stream), reason),
  )
  let outcome: 'complete' | 'stopped' = 'stopped'
  try {
    const { rules } = task
    const source = await findSource(session, task.stream, { table: table ?? undefined, rules })
    await requireSameTables(session, source)
    const origin = originOf(pinnedServer, source)
    const hashes = hashesOf(task)
    const read = { session, source, origin, signal, hashes, stateRows: config.state_rows }
    outcome = await readAs(task, { ...read, out: covered }, context)
  } catch (thrown) {
    if (!isInterruption(thrown) || covered.uncovered) {
      throw await inPresentTerms(thrown, session, task)
    }
  } finally {
    // A COPY may be in progress: the server would wait for somebody to read its rows.
    if (outcome === 'stopped') session.destroy()
    await giveBack(session, config, idleSessions)
  }
  return outcome
}

/** Undefined if no column is hidden by its hash. The server does not get the key. */
function hashesOf({ rules }: Pick<ReadTask, 'rules'>): HashedFields | undefined {
  if (rules === undefined || !hasHash(rules)) return undefined
  const fields = rules.columns.flatMap(({ kind, mask }, index) =>
    mask?.as === 'hash' ? [{ index, kind }] : [],
  )
  return new HashedFields(fields, rules.hashKey)
}

/**
 * A query is planned with the table as it is now, while the catalog is that of the snapshot. If the two
 * differ (a table or column was dropped, renamed or is no longer granted), the present catalog shows what is
 * missing; the server names only a part of it.
 */
async function inPresentTerms(
  thrown: unknown,
  session: SourceSession,
  { stream, rules }: Pick<ReadTask, 'stream' | 'rules'>,
): Promise<unknown> {
  const isOfCatalog = z.object({ details: z.object({ sqlstate: z.string().startsWith('42') }) })
  if (!(thrown instanceof ConnectError) || !isOfCatalog.safeParse(thrown).success) return thrown
  try {
    await session.seePresent()
    await findSource(session, stream, { rules })
    return thrown
  } catch (found) {
    return found instanceof ConnectError && found.failureType === 'config_error' ? found : thrown
  }
}

async function readAs(
  task: ReadTask,
  read: SliceRead,
  context: ConnectorContext,
): Promise<'complete' | 'stopped'> {
  const { source } = read
  const warnOfOther = (saved: Origin | undefined, readsOnly: string): void => {
    const change = originChange(saved, read.origin)
    if (change !== undefined) context.warn?.(otherTable(source.name, change, readsOnly))
  }
  if (task.stream.sync_mode === 'incremental') {
    const cursor = cursorOf(task.stream, source)
    const saved = parseCursorState(task.state, { stream: source.name, field: cursor.name })
    refuseIncomplete(saved, source.name)
    if (saved !== null) requireSameType(saved, source.name, cursor)
    if (saved !== null && saved.cursor !== null)
      warnOfOther(saved.origin, `the rows whose ${cursor.name} is not below that of the checkpoint`)
    const warn = (text: string): void => context.warn?.(text)
    const cursorRead = { ...read, cursor, warn }
    const isSameTable = saved !== null && !originChange(saved.origin, read.origin)
    return readIncremental(
      cursorRead,
      isSameTable ? await noteChangedColumns(cursorRead, saved, task) : saved,
    )
  }
  const state = parseFullRefreshState(task.state, source.name)
  if (state?.kind !== 'range') return readWhole(read)
  refuseIncomplete(state, source.name)
  if (state.after !== null) warnOfOther(state.origin, 'the rows behind the key of the checkpoint')
  return readRange(read, state)
}

/**
 * The read continues: after a restore or an upgrade the checkpoint is right, and only the user knows whether
 * it was one.
 */
function otherTable(stream: string, change: string, readsOnly: string): string {
  return `Table ${stream} is not the one of the last checkpoint: ${change}. Read are only ${readsOnly}. If it holds other rows, reset the stream to read all of them (${resetCommands(stream)}).`
}

/** The saved value is text, which the present type of the column may interpret or order differently. */
function requireSameType(saved: CursorState, stream: string, column: SourceColumn): void {
  const { type: before, cursor } = saved
  const after = column.type.declared
  if (before === undefined || cursor === null || keepsItsPlace(cursor, before, after)) return
  throw new ConnectError('source_cursor_type_changed', {
    details: { stream, column: column.name, before, after },
  })
}

function cursorOf(stream: ConfiguredAirbyteStream, source: StreamSource): SourceColumn {
  const [name, ...nested] = cursorField(stream) ?? []
  if (name === undefined) {
    const details = {
      place: `stream ${source.name}`,
      field: 'cursor_field',
      problem:
        'an incremental read needs a cursor, and neither the stream nor its source names one',
      fix: 'Set `cursor_field` of the stream, or `sync_mode: full_refresh`.',
    }
    throw new ConnectError('stream_cursor_missing', { details })
  }
  const refuse = (reason: string): ConnectError =>
    new ConnectError('source_cursor_invalid', {
      details: { stream: source.name, column: name, reason },
    })
  if (nested.length > 0) throw refuse('it must be a column, not a field inside one')
  const column = source.columns.find((candidate) => candidate.name === name)
  if (column === undefined) throw refuse('it is not among the selected columns')
  if (column.type.isArray) throw refuse('an array cannot order an incremental read')
  if (!isCursorType(column.type))
    throw refuse(`the type ${column.type.name} has no order, or no text form with the same order`)
  return column
}

function isDone(state: JsonValue | null): boolean {
  return z.object({ done: z.literal(true) }).safeParse(state).success
}

function isInterruption(thrown: unknown): boolean {
  return thrown instanceof ConnectError && thrown.code === 'source_read_interrupted'
}

/**
 * Knows whether records without a state were handed out. Lines that do not fit their columns are the
 * server's.
 */
class CoveredOutput implements RecordOutput {
  readonly #out: RecordOutput
  readonly #toDamage: (reason: string) => Error
  uncovered = false

  readonly copyBinary?: NonNullable<RecordOutput['copyBinary']>

  constructor(out: RecordOutput, toDamage: (reason: string) => Error) {
    this.#out = out
    this.#toDamage = toDamage
    const copyBinary = out.copyBinary?.bind(out)
    if (copyBinary === undefined) return
    this.copyBinary = async (...rows) => {
      this.uncovered = true
      await copyBinary(...rows)
    }
  }

  async records(...batch: Parameters<RecordOutput['records']>): Promise<void> {
    this.uncovered = true
    await this.#out.records(...batch)
  }

  async copyText(...lines: Parameters<RecordOutput['copyText']>): Promise<void> {
    this.uncovered = true
    try {
      await this.#out.copyText(...lines)
    } catch (thrown) {
      throw thrown instanceof MalformedCopy ? this.#toDamage(thrown.message) : thrown
    }
  }

  async state(state: JsonValue): Promise<void> {
    await this.#out.state(state)
    this.uncovered = false
  }

  rateLimited(untilMs: number): void {
    this.#out.rateLimited(untilMs)
  }
}
