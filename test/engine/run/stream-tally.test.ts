import { expect, test } from 'vitest'
import { unreadMetrics } from '../../../engine/metrics/run-metrics.ts'
import { StreamTally } from '../../../engine/run/stream-tally.ts'
import { noCounts } from '../../../sinks/committed-counts.ts'

function commit(tally: StreamTally, loaded: number, rejected = 0): void {
  const seconds = { copySeconds: 0, mergeSeconds: 0, commitSeconds: 0 }
  const stats = { ...noCounts, ...seconds, loaded, rejected, deleted: 0, losses: [] }
  tally.addCommit({ type: 'committed', stats, bytes: 0, logWaitSeconds: 0 })
}

test('rows that went with a topic are not loaded, neither those of this start nor those of earlier ones; what follows is', () => {
  const stream = { name: 'users' }
  const options = { connection: 'shop', stream, isStaged: false }
  const tally = new StreamTally(options, unreadMetrics)
  tally.noteBegun({
    kept: { ...noCounts, loaded: 5, rejected: 1 },
    staged: noCounts,
    replaced: noCounts,
  })
  commit(tally, 10, 2)
  expect(tally.progress(0)).toMatchObject({ loaded: 10, rejected: 2, before: { loaded: 5 } })
  tally.noteRowsGone()
  tally.status = 'failed'
  expect(tally.progress(0)).toMatchObject({
    loaded: 0,
    rejected: 2,
    before: { loaded: 0, rejected: 1 },
  })
  commit(tally, 12)
  expect(tally.progress(0).loaded).toBe(12)
})

test('what was committed counts, although nobody heard the response to its COMMIT', () => {
  const stream = { name: 'users' }
  const tally = new StreamTally({ connection: 'shop', stream, isStaged: false }, unreadMetrics)
  const untold = (loaded: number, rejected: number) => ({
    kept: { ...noCounts, loaded, rejected },
    staged: noCounts,
    replaced: noCounts,
  })
  tally.noteBegun(untold(5, 1))
  commit(tally, 10, 2)
  // 7 and 1 more of the batch after that were committed.
  tally.noteBegun(untold(22, 4))
  expect(tally.progress(0)).toMatchObject({
    loaded: 17,
    rejected: 3,
    before: { loaded: 5, rejected: 1 },
  })
  commit(tally, 3)
  tally.noteBegun(untold(25, 4))
  // A stage that was begun again has nothing left of it.
  tally.noteBegun(untold(0, 0))
  expect(tally.progress(0)).toMatchObject({ loaded: 20, rejected: 3, before: { loaded: 5 } })
  expect(tally.lossWarnings(undefined).join()).toMatch(/^4 records were rejected/)
})
