import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { joinedSignal } from '../../../lib/async/joined-signal.ts'

test.each([0, 1])('a joined signal is aborted with signal %i, with its reason', (which) => {
  const others = [new AbortController(), new AbortController()]
  using joined = joinedSignal(...others.map(({ signal }) => signal))
  expect(joined.signal.aborted).toBe(false)
  const reason = new Error('stopped')
  others[which]?.abort(reason)
  expect(joined.signal.reason).toBe(reason)
})

test('a signal that is joined with one that was aborted is aborted', () => {
  using joined = joinedSignal(AbortSignal.abort('before'), new AbortController().signal)
  expect(joined.signal.reason).toBe('before')
})

test('nothing is left of a joined signal that was disposed of', () => {
  const other = new AbortController()
  const joined = joinedSignal(other.signal, new AbortController().signal)
  joined[Symbol.dispose]()
  expect(getEventListeners(other.signal, 'abort')).toEqual([])
  other.abort()
  expect(joined.signal.aborted).toBe(false)
})
