import { expect, test } from 'vitest'
import { LaneLoader, type LaneLoaderOptions } from '../../../engine/load/lane-loader.ts'
import type { StoredObject } from '../../../storage/storage-config.ts'
import type { LaneReader, LogEntry } from '../../../engine/log/stream-log.ts'
import { neverAborted } from '../../support/signal.ts'
import { SlowLane, sync } from './slow-lane.ts'

const object = (key: string): StoredObject => ({ bucket: 'b', key, bytes: 3, sha256: '' })
const begin = (attempt: number): LogEntry => ({
  ...{ type: 'begin', syncId: 1, attempt, slice: '', seq: 0, columns: [] },
})
const stored = (key: string): LogEntry => ({
  ...{ type: 'stored', slice: '', seq: 0, count: 1, object: object(key) },
})
const rest: readonly LogEntry[] = [
  { type: 'state', slice: '', seq: 1, count: 1, state: null },
  { type: 'end', slice: '', seq: 1, outcome: 'complete' },
  { type: 'close', attempt: 2, records: 1 },
]

/** A lane that has these entries, from wherever it is read. */
function readerOf(entries: readonly LogEntry[]): LaneReader {
  const left = [...entries]
  return {
    next: () => {
      const entry = left.shift()
      return Promise.resolve(entry && { entry })
    },
    release: () => undefined,
    noteCommitted: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function load(
  lane: SlowLane,
  entries: readonly LogEntry[],
  storage: LaneLoaderOptions['storage'],
): Promise<string> {
  const loader = new LaneLoader({
    ...{ sync, partition: 0, lane, readerOptions: { attempt: 2 }, storage },
    ...{ commitBytes: 1e9, commitMs: 60_000, onCommit: () => undefined },
    openReader: () => Promise.resolve(readerOf(entries)),
  })
  return loader.run(neverAborted())
}

test('records in Storage are loaded where their entry stands', async () => {
  const lane = new SlowLane()
  const storage = { get: () => Promise.resolve(Uint8Array.of(1, 2, 3)) }
  expect(await load(lane, [begin(2), stored('a'), ...rest], storage)).toBe('closed')
  expect(lane.sums).toEqual([6])
})

test('those of an attempt that died are not fetched again: they may be gone', async () => {
  const lane = new SlowLane()
  const fetched: string[] = []
  const get = ({ key }: StoredObject): Promise<Uint8Array> => {
    fetched.push(key)
    return Promise.resolve(Uint8Array.of(1))
  }
  const entries = [begin(1), stored('of the dead'), begin(2), stored('a'), ...rest]
  expect(await load(lane, entries, { get })).toBe('closed')
  expect(fetched).toEqual(['of the dead', 'a'])
})

test('without Storage the lane stops before them, and says what is missing', async () => {
  const lane = new SlowLane()
  await expect(load(lane, [begin(2), stored('a'), ...rest], undefined)).rejects.toMatchObject({
    code: 'storage_not_available',
    details: { stream: 's', bucket: 'b' },
  })
  expect(lane.sums).toEqual([])
})
