import { expect, test } from 'vitest'
import { LoadClock } from '../../../engine/load/load-clock.ts'

function clockAt(): { clock: LoadClock; passes: (ms: number) => void } {
  let nowMs = 1_000
  const clock = new LoadClock(() => nowMs)
  return {
    clock,
    passes: (ms) => {
      nowMs += ms
    },
  }
}

test('the seconds of a sink worker are its whole time, also while it waits', () => {
  const { clock, passes } = clockAt()
  clock.waits()
  passes(2_000)
  expect(clock.seconds).toEqual(secondsOf({ logWaitSeconds: 2 }))
  clock.works()
  passes(1_000)
  expect(clock.seconds).toEqual(secondsOf({ logWaitSeconds: 2, copySeconds: 1 }))
})

test('a transaction that is being ended counts as commit, and by its own account once it has ended', () => {
  const { clock, passes } = clockAt()
  passes(1_000)
  clock.commits()
  passes(3_000)
  expect(clock.seconds).toEqual(secondsOf({ copySeconds: 1, commitSeconds: 3 }))
  clock.noteCommit({
    loaded: 1,
    rejected: 0,
    nulled: 0,
    cut: 0,
    deleted: 0,
    losses: [],
    copySeconds: 1.5,
    mergeSeconds: 2,
    commitSeconds: 0.5,
  })
  expect(clock.seconds).toEqual(
    secondsOf({ copySeconds: 1.5, mergeSeconds: 2, commitSeconds: 0.5 }),
  )
})

test('each commit takes the waiting since the one before', () => {
  const { clock, passes } = clockAt()
  clock.waits()
  passes(500)
  clock.works()
  expect(clock.takeLogWaitSeconds()).toBe(0.5)
  clock.waits()
  passes(250)
  expect(clock.takeLogWaitSeconds()).toBe(0.25)
  passes(250)
  clock.works()
  expect(clock.takeLogWaitSeconds()).toBe(0.25)
})

function secondsOf(seconds: Partial<LoadClock['seconds']>): LoadClock['seconds'] {
  return { logWaitSeconds: 0, copySeconds: 0, mergeSeconds: 0, commitSeconds: 0, ...seconds }
}
