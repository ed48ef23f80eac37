import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { StreamProgress } from '../../../engine/run-types.ts'
import { ProgressLog } from '../../../service/run-worker/progress-log.ts'

function logged(): { readonly log: ProgressLog; readonly lines: unknown[] } {
  const lines: unknown[] = []
  const logger = pino(
    { base: null, timestamp: false },
    { write: (line) => lines.push(JSON.parse(line)) },
  )
  return { log: new ProgressLog(logger), lines }
}

const running: StreamProgress = {
  stream: { name: 'a' },
  status: 'running',
  read: 10,
  readAgain: 0,
  readBytes: 100,
  loaded: 5,
  rejected: 1,
  nulled: 0,
  cut: 0,
}
const waiting: StreamProgress = { ...running, status: 'waiting', read: 0, loaded: 0, rejected: 0 }

test('the log of a long run has a line every half minute, and that of a short one none', () => {
  const { log, lines } = logged()
  const streams = [running, waiting, { ...running, status: 'complete' as const }]
  for (let atMs = 0; atMs < 29_000; atMs += 250) log.progress({ startedAtMs: 0, atMs, streams })
  expect(lines).toEqual([])
  for (let atMs = 29_000; atMs <= 90_000; atMs += 250)
    log.progress({ startedAtMs: 0, atMs, streams })
  expect(lines).toHaveLength(3)
  const counts = { streams: 3, done: 1, read: 20, loaded: 10, rejected: 2 }
  expect(lines[0]).toEqual({ level: 30, msg: 'progress', ...counts })
})

test('the log of a run says how many tables are having their rows exchanged', () => {
  const { log, lines } = logged()
  const streams = [{ ...running, bottleneck: 'exchange' as const }]
  log.progress({ startedAtMs: 0, atMs: 40_000, streams })
  expect(lines).toMatchObject([{ msg: 'progress', exchanging: 1 }])
})
