import { expect, test } from 'vitest'
import type { FileEntry } from '../../../connectors/files/place.ts'
import { Progress } from '../../../connectors/files/progress.ts'

const now = Date.UTC(2026, 5, 1)
const day = 24 * 3600 * 1000
const options = { stream: 'orders', lateMs: 3600 * 1000, now: () => now }

function file(key: string, modifiedMs: number): FileEntry {
  return { key, path: key, size: 1, modifiedMs, version: `${key} ${String(modifiedMs)}` }
}

test('a file that is dated in the future is read once, and hides no other file', () => {
  const future = file('a', now + day)
  const first = new Progress(null, options)
  expect(first.isPending(future)).toBe(true)
  first.done(future, future)
  const second = new Progress(first.state, options)
  expect(second.isPending(future)).toBe(false)
  for (const key of ['b', 'c']) {
    expect(second.isPending(file(key, now))).toBe(true)
    second.done(file(key, now), file(key, now))
  }
  // Its time comes, and passes.
  const later = new Progress(second.state, { ...options, now: () => now + 3 * day })
  const newest = file('d', now + 2 * day)
  expect(later.isPending(future)).toBe(false)
  later.done(newest, newest)
  expect([future, file('b', now), newest].filter((known) => later.isPending(known))).toEqual([])
})

test('very many files of the future are all known, and a state that one of them has set is mended', () => {
  const progress = new Progress(null, options)
  const files = Array.from({ length: 10_000 }, (_, index) => file(String(index), now + day + index))
  for (const future of files) progress.done(future, future)
  const next = new Progress(progress.state, options)
  expect(files.filter((future) => next.isPending(future))).toEqual([])
  expect(next.isPending(file('b', now))).toBe(true)

  const frontier = { modified_ms: now + day, key: 'a' }
  const spoilt = {
    kind: 'files',
    frontier,
    floor_ms: now + day,
    recent: '',
    failed: [],
    reading: null,
  }
  expect(new Progress(spoilt, options).isPending(file('b', now + 1))).toBe(true)
})
