import { describe, expect, test } from 'vitest'
import { decideResume, type ResumeFacts } from '../../../engine/log/kafka/resume.ts'
import type { LaneHeaders } from '../../../engine/log/kafka/message-schemas.ts'
import type { SavedState } from '../../../engine/log/kafka/saved-states.ts'
import type { SliceCheckpoint } from '../../../sinks/sink.ts'

const checkpoint = (slice: string, seq: number, complete = false): SliceCheckpoint => ({
  slice,
  partition: 0,
  seq,
  complete,
  state: { at: seq },
})
const saved = (slice: string, seq: number, more: Partial<SavedState> = {}): SavedState => ({
  slice,
  partition: 0,
  syncId: 1,
  attempt: 1,
  attemptKey: 'first',
  since: 1,
  seq,
  state: { at: seq },
  complete: false,
  ...more,
})
const record = (slice: string, seq: number, attempt = 1): LaneHeaders => ({
  type: 'RECORD',
  sync: 1,
  attempt,
  slice,
  seq,
})
const stateAt = (slice: string, seq: number): LaneHeaders => ({
  type: 'STATE',
  sync: 1,
  attempt: 1,
  slice,
  seq,
  count: 10,
})

function facts(
  more: Partial<ResumeFacts> & { readonly states?: readonly SavedState[] } = {},
): ResumeFacts {
  const { states = [saved('a', 500)], ...rest } = more
  return {
    topic: 't',
    partition: 0,
    syncId: 1,
    attemptKeys: ['first', 'second'],
    checkpoints: [checkpoint('a', 100)],
    position: '40',
    saved: new Map(states.map((state) => [state.slice, state])),
    low: 0n,
    high: 90n,
    before: stateAt('a', 100),
    first: record('a', 100),
    ...rest,
  }
}

describe('a writer that opens its lane', () => {
  test('reads on from the newer states that the log leads to', () => {
    const { resume, since, stale } = decideResume(
      facts({
        checkpoints: [checkpoint('a', 100), checkpoint('b', 0), checkpoint('c', 0)],
        states: [saved('a', 500, { complete: true }), saved('b', 30)],
      }),
    )
    const slices = [checkpoint('a', 500, true), checkpoint('b', 30), checkpoint('c', 0)]
    expect(resume).toEqual({ from: 'log', slices, position: '40' })
    expect({ since, stale }).toEqual({ since: { attempt: 1 }, stale: false })
  })

  test('keeps the checkpoint of a slice whose state in the log is older', () => {
    const { resume } = decideResume(
      facts({
        checkpoints: [checkpoint('a', 100), checkpoint('b', 60)],
        states: [saved('a', 500), saved('b', 30)],
      }),
    )
    expect(resume.slices).toEqual([checkpoint('a', 500), checkpoint('b', 60)])
  })

  test('reads from the destination, and says nothing, where the log has nothing newer', () => {
    for (const states of [
      [],
      [saved('a', 100)],
      [saved('a', 500, { syncId: 0 })],
      [saved('a', 500, { partition: 3 })],
    ]) {
      const { resume } = decideResume(facts({ states }))
      expect(resume).toEqual({
        from: 'destination',
        slices: [checkpoint('a', 100)],
        position: '90',
      })
    }
  })

  test.each<[string, Partial<SavedState>]>([
    ['of this sync', {}],
    ['of a later sync', { syncId: 7 }],
    ['of another partition', { partition: 3 }],
    ['of an older version', { attemptKey: undefined }],
  ])(
    'reads from the destination, with a warning, where an attempt that it does not know wrote a state %s, and voids it',
    (_, more) => {
      const unknown = saved('b', 30, { attemptKey: 'of another life', ...more })
      const { resume, stale } = decideResume(
        facts({
          checkpoints: [checkpoint('a', 100), checkpoint('b', 0)],
          states: [saved('a', 500), unknown],
        }),
      )
      expect(resume).toMatchObject({
        from: 'destination',
        slices: [checkpoint('a', 100), checkpoint('b', 0)],
        position: '90',
      })
      expect(resume.warning).toMatch(
        more.attemptKey === undefined && 'attemptKey' in more ? /older version/ : /does not know/,
      )
      expect(stale).toBe(true)
    },
  )

  test('says nothing of what an unknown attempt wrote for an earlier sync, or for a slice that is not open', () => {
    const unknown = { attemptKey: 'of another life' }
    const { resume } = decideResume(
      facts({
        checkpoints: [checkpoint('a', 100), checkpoint('b', 0)],
        states: [
          saved('a', 500),
          saved('b', 30, { ...unknown, syncId: 0 }),
          saved('done', 9, { ...unknown, since: 9, from: '80' }),
        ],
      }),
    )
    expect(resume).toEqual({
      from: 'log',
      slices: [checkpoint('a', 500), checkpoint('b', 0)],
      position: '40',
    })
  })

  test('takes the start from the open slices only', () => {
    const closed = saved('done', 900, { since: 2, attempt: 2, from: '60' })
    const { resume } = decideResume(facts({ states: [saved('a', 500), closed] }))
    expect(resume).toEqual({ from: 'log', slices: [checkpoint('a', 500)], position: '40' })
  })

  test('trusts a CLOSE at the position, and nothing else that is of no open slice', () => {
    const first = { type: 'CLOSE', sync: 1, attempt: 1, records: 100 } as const
    expect(decideResume(facts({ first })).resume.from).toBe('log')
    const end = {
      type: 'END',
      sync: 1,
      attempt: 1,
      slice: 'done',
      seq: 9,
      outcome: 'complete',
    } as const
    for (const other of [record('done', 9), stateAt('done', 19), end]) {
      const { resume } = decideResume(facts({ first: other }))
      expect(resume.from).toBe('destination')
      expect(resume.warning).toMatch(/does not continue/)
    }
    expect(decideResume(facts({ before: end })).resume.from).toBe('log')
    expect(decideResume(facts({ before: stateAt('done', 9) })).resume.from).toBe('destination')
  })

  test('voids the states of this sync that it does not go on from', () => {
    expect(decideResume(facts({ low: 41n })).stale).toBe(true)
    expect(decideResume(facts({ states: [saved('a', 500, { syncId: 0 })] })).stale).toBe(false)
  })

  test('ignores states from before the attempt that last read from the destination', () => {
    const states = [saved('a', 500, { since: 1 }), saved('b', 0, { since: 2 })]
    const { resume } = decideResume(
      facts({ checkpoints: [checkpoint('a', 100), checkpoint('b', 0)], states }),
    )
    expect(resume.from).toBe('destination')
  })

  test('starts at the attempt since which the log leads on, if the destination has nothing of it', () => {
    const states = [saved('a', 500, { since: 2, attempt: 2, from: '60' })]
    const first = record('a', 100, 2)
    const { resume, since } = decideResume(facts({ states, before: record('a', 120), first }))
    expect(resume).toEqual({ from: 'log', slices: [checkpoint('a', 500)], position: '60' })
    expect(since).toEqual({ attempt: 2, from: '60' })
    // Deletions by retention before it do not count.
    expect(decideResume(facts({ states, low: 50n, before: 'none', first })).resume.from).toBe('log')
    const gone = decideResume(facts({ states, low: 61n, before: 'none', first: 'none' })).resume
    expect(gone).toMatchObject({ from: 'destination' })
    expect(gone.warning).toMatch(/retention/)
  })

  test.each<[string, Partial<ResumeFacts>, RegExp]>([
    [
      'retention has deleted what was not loaded',
      { low: 41n, before: 'none', first: 'none' },
      /retention/,
    ],
    [
      'the topic ends before the position',
      { high: 39n, before: 'none', first: 'none' },
      /created again/,
    ],
    ['nothing stands at the position', { first: 'none' }, /there is nothing/],
    ['a foreign message stands there', { first: 'foreign' }, /foreign/],
    ['the message before it is gone', { before: 'none' }, /created again/],
    ['a record stands before it', { before: record('a', 99) }, /created again/],
    ['another state stands before it', { before: stateAt('a', 90) }, /created again/],
    ['an older attempt stands at it', { first: record('a', 100, 0) }, /does not continue/],
    ['another record stands at it', { first: record('a', 110) }, /does not continue/],
  ])('reads from the destination, with a warning, where %s', (_, more, warning) => {
    const { resume } = decideResume(facts(more))
    expect(resume).toMatchObject({ from: 'destination', slices: [checkpoint('a', 100)] })
    expect(resume.warning).toMatch(warning)
  })

  test('reads from the destination when the states cannot be read, and voids them: a later attempt may see them', () => {
    const { resume, stale } = decideResume({ ...facts(), saved: 'lost' })
    expect(resume).toMatchObject({ from: 'destination', slices: [checkpoint('a', 100)] })
    expect(resume.warning).toMatch(/cannot be read/)
    expect(stale).toBe(true)
  })

  test('starts at offset 0 where the destination has no position', () => {
    const fresh = {
      checkpoints: [checkpoint('a', 0)],
      position: undefined,
      before: 'none',
      first: record('a', 0),
    } as const
    expect(decideResume(facts(fresh)).resume.from).toBe('log')
    expect(decideResume(facts({ ...fresh, low: 1n })).resume.from).toBe('destination')
  })
})
