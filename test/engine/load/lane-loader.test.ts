import { expect, test } from 'vitest'
import { EmbeddedLog } from '../../../engine/log/embedded/embedded-log.ts'
import { openLaneReader, openLaneWriter } from '../../../engine/log/lane.ts'
import { LaneLoader } from '../../../engine/load/lane-loader.ts'
import { silent as logger } from '../../support/logger.ts'
import { neverAborted } from '../../support/signal.ts'
import { SlowLane, sync } from './slow-lane.ts'

test.each([
  ['is given back', 60_000],
  ['is committed', 150],
])('a block that comes while what was held %s is loaded, whole', async (_, commitMs) => {
  const {
    lanes: [endpoint],
  } = await new EmbeddedLog().openStream({
    connection: 'c',
    stream: { name: 's' },
    partitions: 1,
  })
  if (endpoint === undefined) throw new Error('no lane')
  const writer = await openLaneWriter(
    endpoint.writer.address,
    { syncId: 1, attempt: 1, attemptKeys: ['first'], columns: [], slices: [] },
    logger,
  )
  const lane = new SlowLane()
  const pauses: (() => void)[] = []
  lane.onPause = () => {
    pauses.shift()?.()
  }
  const loader = new LaneLoader({
    sync,
    partition: 0,
    lane,
    readerOptions: {},
    storage: undefined,
    commitBytes: 1e9,
    commitMs,
    openReader: (options) => openLaneReader(endpoint.reader.address, options, logger),
    onCommit: () => undefined,
  })
  const loading = loader.run(neverAborted())
  await writer.append({
    type: 'begin',
    syncId: 1,
    attempt: 1,
    slice: '',
    seq: 0,
    columns: [],
  })
  for (let seq = 0; seq < 4; seq++) {
    const paused = new Promise<void>((resolve) => pauses.push(resolve))
    const bytes = new Uint8Array(1_000).fill(seq + 1)
    await writer.append({ type: 'records', slice: '', seq, count: 1, bytes })
    await writer.append({ type: 'state', slice: '', seq: seq + 1, count: 1, state: null })
    // The next block is sent as soon as the destination is busy with the one before.
    await paused
  }
  await writer.append({ type: 'end', slice: '', seq: 4, outcome: 'complete' })
  await writer.append({ type: 'close', attempt: 1, records: 4 })
  expect(await loading).toBe('closed')
  await writer[Symbol.asyncDispose]()
  expect(lane.sums).toEqual([1_000, 2_000, 3_000, 4_000])
})
