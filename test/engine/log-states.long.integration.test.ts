import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rowMaker } from '../../connectors/faker/rows.ts'
import { KafkaWriter } from '../../engine/log/kafka/kafka-writer.ts'
import { openLaneReader } from '../../engine/log/lane.ts'
import { openStreamLog } from '../../engine/log/open-stream-log.ts'
import type {
  LaneAddress,
  LaneReader,
  LaneReaderOptions,
  LaneResume,
  LogEntry,
  StreamLog,
} from '../../engine/log/stream-log.ts'
import type { TablePlan, StreamResult } from '../../engine/run-types.ts'
import { LaneLoader } from '../../engine/load/lane-loader.ts'
import type {
  Destination,
  RunStart,
  SinkStream,
  SliceCheckpoint,
  StreamSync,
} from '../../sinks/sink.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { openPostgresLane } from '../../sinks/postgres/load/postgres-lane.ts'
import { blockOf } from '../sinks/loading.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { silent as logger } from '../support/logger.ts'

/**
 * Every state that log, checkpoint and reader can be in together when a run is killed. The first attempt
 * wrote some of its entries and the destination committed some of them. After it there may have been an
 * attempt that wrote the rest and died before its first commit, or one over the embedded log, which moved
 * only the checkpoints. Whatever they left, the next run completes, with each record once, including the
 * record that the source has received since.
 */
const stages = [
  'nothing',
  'first part',
  'state',
  'second part',
  'last state',
  'end',
  'close',
] as const
type Stage = (typeof stages)[number]

/** The stages that the destination can have committed: whole units only. */
const committable: readonly Stage[] = ['nothing', 'state', 'last state', 'end', 'close']

const faker = { columns: 'narrow', slices: 1, state_every: 2 } as const
const rowsBefore = 4
const rowsNow = 5

interface Cell {
  /** The name of the stream that is in this state. */
  readonly name: string
  readonly written: Stage
  readonly committed: Stage
  readonly others: number | 'embedded'
  readonly log: KafkaLog
}

type KafkaLog = 'kafka block' | 'kafka record'

/** All of them with CRASH_ROUNDS. */
const isLong = process.env.CRASH_ROUNDS !== undefined

const cells: readonly Cell[] = stages.flatMap((written, index) =>
  committable
    .filter((committed) => stages.indexOf(committed) <= index)
    .flatMap((committed) =>
      othersAfter(written).map((others) => ({
        name: `${written} ${committed} ${String(others)}`.replaceAll(' ', '_'),
        written,
        committed,
        others,
        log: 'kafka block' as const,
      })),
    ),
)

/**
 * The second of two attempts that committed nothing finds the log as the first one left it: written to its
 * close. The progress of the attempt before them then follows only from what is committed, and from whether
 * it left a part of a unit.
 */
function othersAfter(written: Stage): readonly Cell['others'][] {
  const hasTwo = isLong || written === 'second part' || written === 'close'
  return hasTwo ? [0, 1, 2, 'embedded'] : [0, 1, 'embedded']
}

/**
 * The other framing stores records one by one; the states are the same, so these are those that leave some of
 * them to read.
 */
const recordCells: readonly Cell[] = cells
  .filter(({ written, committed, others }) => written !== committed && others === 1)
  .map((cell) => ({ ...cell, name: `record_${cell.name}`, log: 'kafka record' }))

const connection = `states-${randomUUID().slice(0, 8)}`
let warehouse: TestDatabase
const results = new Map<string, StreamResult>()

beforeAll(async () => {
  warehouse = await testDatabase()
  await play(cells, 'kafka block')
}, 300_000)
beforeAll(() => play(recordCells, 'kafka record'), 120_000)
afterAll(() => warehouse[Symbol.asyncDispose]())

/** All cells in one connection: each start of it is one of all these streams. */
async function play(played: readonly Cell[], log: KafkaLog): Promise<void> {
  const names = played.map(({ name }) => name)
  const plan = await planOf(names, { rows: rowsBefore, log })
  for (const round of [0, 1, 2]) {
    await using destination = await openPostgresDestination(plan.destination)
    const start = await destination.startRun(plan.connection)
    await using opened = await openStreamLog(plan.log, logger)
    const queue = played.filter(({ others }) => attemptsAfter(others) >= round).values()
    const playNext = async (): Promise<void> => {
      for (const { name, written, committed, others } of queue) {
        const sink = plan.streams.find(({ stream }) => stream.stream.name === name)
        if (sink === undefined) throw new Error(`no stream ${name}`)
        const attempt = { plan, destination, start, sink, log: opened }
        if (round > 0 && others === 'embedded') await playEmbedded(attempt)
        else await playAttempt(attempt, round === 0 ? { written, committed } : lastWords)
      }
    }
    await Promise.all(Array.from({ length: 12 }, playNext))
  }
  const { result } = await runPlan(await planOf(names, { rows: rowsNow, log }))
  for (const stream of result.streams) results.set(stream.stream.name, stream)
}

function attemptsAfter(others: Cell['others']): number {
  return others === 'embedded' ? 1 : others
}

/** An attempt that wrote what was left, and of which nothing was committed. */
const lastWords = { written: 'close', committed: 'nothing' } as const

function planOf(
  names: readonly string[],
  { rows, log }: { readonly rows: number; readonly log: 'embedded' | KafkaLog },
): Promise<TablePlan> {
  const streams = names.map((name) => ({ ...faker, name, rows }))
  return planRun({
    connection,
    source: { type: 'faker', config: { seed: 7, streams } },
    destination: warehouse.address,
    schema: log === 'embedded' ? 'embedded' : 'kafka',
    log: logConfig(log),
    mode: 'append',
    syncMode: 'incremental',
    cursor: 'updated_at',
  })
}

type Staged = readonly [stage: Stage, entry: LogEntry]

/** The entries of an attempt, by the stage that each one leads to. */
function* entriesOf(sync: StreamSync, { seq, complete }: SliceCheckpoint): Generator<Staged> {
  const { columns } = sync.sink
  const slice = ''
  if (!complete) {
    const { syncId, epoch: attempt } = sync
    yield ['first part', { type: 'begin', syncId, attempt, slice, seq, columns }]
  }
  for (let from = seq; from < rowsBefore; from += 2) {
    const isLast = from + 2 >= rowsBefore
    const makeRow = rowMaker(7, { ...faker, name: sync.streamId.name, rows: rowsBefore })
    const rows = [makeRow(from), makeRow(from + 1)]
    yield [
      isLast ? 'second part' : 'first part',
      { type: 'records', ...blockOf(columns, rows, { seq: from, keyFields: ['id'] }) },
    ]
    const state = { next: from + 2, to: null }
    yield [
      isLast ? 'last state' : 'state',
      { type: 'state', slice, seq: from + 2, count: 2, state },
    ]
  }
  if (!complete) yield ['end', { type: 'end', slice, seq: rowsBefore, outcome: 'complete' }]
  yield ['close', { type: 'close', attempt: sync.epoch, records: rowsBefore - seq }]
}

interface Attempt {
  readonly plan: TablePlan
  readonly destination: Destination
  readonly start: RunStart
  readonly sink: SinkStream
  readonly log: StreamLog
}

function readerOptionsOf(sync: StreamSync, { from, position }: LaneResume): LaneReaderOptions {
  return {
    attempt: sync.epoch,
    ...(position !== undefined && { position }),
    ...(from === 'destination' && { skipToAttempt: sync.epoch }),
  }
}

const first = { slice: '', partition: 0, state: null, seq: 0, complete: false }

/** A process that is killed after it has loaded one more unit, over the log that it takes with it. */
async function playEmbedded({
  plan,
  destination,
  start,
  sink,
}: Omit<Attempt, 'log'>): Promise<void> {
  const sync = await destination.begin(sink, start)
  await destination.savePlan(sync, [first])
  await destination.leaveLog(sync)
  const [{ seq, complete } = first] = sync.slices
  if (complete) return
  const to = Math.min(seq + 2, rowsBefore)
  await loadRows(plan, sync, { from: seq, to, complete: to === rowsBefore })
}

/** One commit without a position in a log. */
async function loadRows(
  plan: TablePlan,
  sync: StreamSync,
  {
    from,
    to,
    complete,
  }: { readonly from: number; readonly to: number; readonly complete: boolean },
): Promise<void> {
  const { sink, streamId } = sync
  await using lane = await openPostgresLane(plan.destination, sync, 0)
  await lane.setColumns(sink.columns)
  const makeRow = rowMaker(7, { ...faker, name: streamId.name, rows: rowsBefore })
  const rows = Array.from({ length: to - from }, (_, index) => makeRow(from + index))
  if (rows.length > 0) await lane.write(blockOf(sink.columns, rows, { seq: from }))
  const state = { next: to, to: null }
  await lane.commit({
    partition: 0,
    slices: [{ slice: '', partition: 0, state, seq: to, complete }],
  })
}

/** A process that is killed when its writer has come to one stage, and its sink to another. */
async function playAttempt(
  { plan, destination, start, sink, log }: Attempt,
  { written, committed }: { readonly written: Stage; readonly committed: Stage },
  spoil = (entries: readonly Staged[]): readonly Staged[] => entries,
): Promise<void> {
  const sync = await destination.begin(sink, start)
  await destination.savePlan(sync, [first])
  const [checkpoint = first] = sync.slices
  const {
    lanes: [endpoint],
  } = await log.openStream({ connection, stream: sync.streamId, partitions: 1 })
  if (endpoint?.writer.address.kind !== 'kafka') throw new Error('no lane')
  const [position] = sync.positions
  // A part of a unit is committed at once, as after minutes.
  const bounds = { queueBytes: 1, requestBytes: 1, unitMs: 0 }
  await using writer = await KafkaWriter.open(
    endpoint.writer.address.kafka,
    {
      syncId: sync.syncId,
      attempt: sync.epoch,
      attemptKeys: sync.attemptKeys,
      columns: sync.sink.columns,
      slices: [checkpoint],
      ...(position !== undefined && { position: position.next }),
    },
    { logger, bounds },
  )
  const readerOptions = readerOptionsOf(sync, writer.resume)
  const [resumed = first] = writer.resume.slices
  const entries = spoil([...entriesOf(sync, resumed)])
  const isUpTo = (limit: Stage) => (item: Staged) =>
    stages.indexOf(item[0]) <= stages.indexOf(limit)
  const toCommit = entries.filter(isUpTo(committed))
  for (const [, entry] of toCommit) await writer.append(entry)
  if (toCommit.length > 0) {
    await writer.flush()
    const { address: reader } = endpoint.reader
    await loadEntries(plan, { sync, reader, readerOptions, count: toCommit.length })
  }
  for (const [, entry] of entries.filter(isUpTo(written)).slice(toCommit.length))
    await writer.append(entry)
  await untilSent(writer)
}

/** Parts of units too: they are sent and committed in the background. */
async function untilSent(writer: KafkaWriter): Promise<void> {
  await writer.flush()
  await new Promise((resolve) => setTimeout(resolve, 30))
  await writer.flush()
}

/**
 * Loads this number of entries, each unit in a commit of its own, and ends like a sink worker that is
 * stopped.
 */
async function loadEntries(
  plan: TablePlan,
  work: {
    readonly sync: StreamSync
    readonly reader: LaneAddress
    readonly readerOptions: LaneReaderOptions
    readonly count: number
  },
): Promise<void> {
  const { sync, readerOptions } = work
  await using lane = await openPostgresLane(plan.destination, sync, 0)
  const stop = new AbortController()
  let left = work.count
  const loader = new LaneLoader({
    sync,
    partition: 0,
    lane,
    readerOptions,
    storage: undefined,
    commitBytes: 1,
    commitMs: 60_000,
    openReader: async (options): Promise<LaneReader> => {
      const reader = await openLaneReader(work.reader, options, logger)
      return {
        next: async (signal) => {
          if (left === 0) stop.abort()
          const item = await reader.next(signal)
          left -= 1
          return item
        },
        release: () => {
          reader.release()
        },
        noteCommitted: (next) => reader.noteCommitted(next),
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    },
    onCommit: () => undefined,
  })
  await loader.run(stop.signal)
}

async function expectEachRowOnce(schema: string, table: string): Promise<void> {
  const [row] = await warehouse.query(
    `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM ${schema}."${table}"`,
  )
  expect(row).toEqual({ rows: rowsNow, ids: rowsNow })
}

describe('the log of a killed run', () => {
  test.each([...cells, ...recordCells])(
    '($log) that holds all up to "$written", of which all up to "$committed" is committed, then $others attempts that committed nothing (or one over the embedded log)',
    async ({ name, others }) => {
      const result = results.get(name)
      expect(result?.error).toBeUndefined()
      expect(result).toMatchObject({ status: 'complete' })
      if (others !== 'embedded') expect(result?.warnings).toEqual([])
      await expectEachRowOnce('kafka', name)
    },
  )
})

describe('a log that is wrong', () => {
  test.each<[string, string, (entries: readonly Staged[]) => readonly Staged[]]>([
    [
      'lacks_records',
      'log_out_of_order',
      (entries) => entries.filter(([stage]) => stage !== 'second part'),
    ],
    [
      'counts_otherwise',
      'accounting_mismatch',
      (entries) =>
        entries.map(([stage, entry]) => [
          stage,
          entry.type === 'close' ? { ...entry, records: 99 } : entry,
        ]),
    ],
  ])('(it %s) is left for the source after one failed attempt', async (name, code, spoil) => {
    const plan = await planOf([name], { rows: rowsBefore, log: 'kafka block' })
    const [sink] = plan.streams
    if (sink === undefined) throw new Error('no stream')
    await using destination = await openPostgresDestination(plan.destination)
    const start = await destination.startRun(connection)
    await using opened = await openStreamLog(plan.log, logger)
    await playAttempt({ plan, destination, start, sink, log: opened }, lastWords, spoil)
    const { result, log } = await runPlan(
      await planOf([name], { rows: rowsNow, log: 'kafka block' }),
    )
    expect(result.streams).toMatchObject([{ status: 'complete' }])
    expect(result.streams[0]?.warnings.join()).toMatch(/an attempt found the log wrong/)
    const failures = log.filter((line) => JSON.stringify(line).includes('trying again'))
    expect(failures).toMatchObject([{ code }])
    await expectEachRowOnce('kafka', name)
  })
})

describe('without a log that outlives the process', () => {
  test.each([
    { seq: 0, complete: false },
    { seq: 2, complete: false },
    { seq: 4, complete: false },
    { seq: 4, complete: true },
  ])('a checkpoint at $seq (complete: $complete) is gone on from', async ({ seq, complete }) => {
    const name = `n${String(seq)}${String(complete)}`
    const plan = await planOf([name], { rows: rowsBefore, log: 'embedded' })
    const [sink] = plan.streams
    if (sink === undefined) throw new Error('no stream')
    await using destination = await openPostgresDestination(plan.destination)
    const sync = await destination.begin(sink, await destination.startRun(connection))
    await destination.savePlan(sync, [{ slice: '', partition: 0, state: null }])
    if (seq > 0) await loadRows(plan, sync, { from: 0, to: seq, complete })
    const { result } = await runPlan(await planOf([name], { rows: rowsNow, log: 'embedded' }))
    expect(result.streams).toMatchObject([{ status: 'complete', warnings: [] }])
    await expectEachRowOnce('embedded', name)
  })
})
