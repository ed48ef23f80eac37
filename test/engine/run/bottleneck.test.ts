import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bottleneckOf,
  noSeconds,
  stages,
  type StageSeconds,
} from '../../../engine/run/bottleneck.ts'
import { StageWindow } from '../../../engine/run/stage-window.ts'

const after = (seconds: Partial<StageSeconds>): ReturnType<typeof bottleneckOf> =>
  bottleneckOf({ ...noSeconds, ...seconds })

describe('the bottleneck', () => {
  test.each([
    ['source', { source: 4, encode: 1, logRead: 4, copy: 1 }],
    ['encode', { source: 1, encode: 4, logRead: 4, copy: 1 }],
    ['log', { source: 1, encode: 1, logWrite: 3, logRead: 3, copy: 2 }],
    ['copy', { source: 1, encode: 1, logWrite: 3, copy: 4, merge: 0.5, commit: 0.5 }],
    ['merge', { source: 1, encode: 1, logWrite: 3, copy: 1, merge: 3, commit: 1 }],
    ['commit', { source: 1, encode: 1, logWrite: 3, copy: 1, merge: 1, commit: 3 }],
  ] as const)('is the %s', (stage, seconds) => {
    expect(after(seconds)).toBe(stage)
  })

  test('is the slower side where neither waits most of its time', () => {
    expect(after({ source: 8, logWrite: 2, copy: 9, logRead: 1 })).toBe('copy')
    expect(after({ source: 9, logWrite: 1, copy: 8, logRead: 2 })).toBe('source')
  })

  test('is on the side that has gone quiet while the other one waits for it', () => {
    expect(after({ logRead: 5 })).toBe('source')
    expect(after({ logWrite: 5, source: 1 })).toBe('copy')
    expect(after({ copy: 5 })).toBe('copy')
  })

  test('is nothing where nothing was measured, else one of the stages, for any number of lanes', () => {
    const second = fc.double({ min: 0, max: 1e6, noNaN: true })
    const seconds = fc.record({
      source: second,
      encode: second,
      logWrite: second,
      logRead: second,
      copy: second,
      merge: second,
      commit: second,
    })
    expect(bottleneckOf(noSeconds)).toBeUndefined()
    fc.assert(
      fc.property(seconds, (some) => {
        const measured = Object.values(some).some((value) => value > 0)
        const stage = bottleneckOf(some)
        expect(stage === undefined || stages.includes(stage)).toBe(true)
        expect(stage !== undefined).toBe(measured)
      }),
    )
  })
})

describe('the window of stage seconds', () => {
  test('shows what the last seconds added and forgets what was before', () => {
    const window = new StageWindow()
    window.recent(0)
    window.add({ source: 5, logRead: 5 })
    expect(window.recent(5_000)).toEqual({ ...noSeconds, source: 5, logRead: 5 })
    window.add({ logWrite: 5, copy: 5 })
    expect(window.recent(12_000)).toEqual({ ...noSeconds, logWrite: 5, copy: 5 })
  })

  test('never shows less than nothing where a transaction told afterwards how its time was spent', () => {
    const window = new StageWindow()
    window.add({ copy: 3 })
    window.recent(0)
    window.add({ copy: -2, merge: 2.5 })
    expect(window.recent(500)).toEqual({ ...noSeconds, merge: 2.5 })
  })

  test('begins anew with the next attempt', () => {
    const window = new StageWindow()
    window.recent(0)
    window.add({ source: 5 })
    window.restart()
    expect(window.recent(1_000)).toEqual(noSeconds)
  })
})
