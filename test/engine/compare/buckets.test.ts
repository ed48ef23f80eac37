import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differentBuckets, planBuckets } from '../../../engine/compare/buckets.ts'
import { mergeRows } from '../../../engine/compare/merge-rows.ts'
import { rangesBetween } from '../../../engine/compare/compared-pair.ts'

describe('buckets', () => {
  test('differ in their rows, their sum, or if only one side has them', () => {
    const here = [
      { bucket: 1, rows: 2, sum: '5' },
      { bucket: 2, rows: 2, sum: '7' },
      { bucket: 3, rows: 1, sum: '9' },
    ]
    const there = [
      { bucket: 4, rows: 8, sum: '1' },
      { bucket: 2, rows: 2, sum: '8' },
      { bucket: 1, rows: 2, sum: '5' },
    ]
    expect(differentBuckets(here, there)).toEqual([
      { bucket: 2, rows: 2 },
      { bucket: 3, rows: 1 },
      { bucket: 4, rows: 8 },
    ])
  })

  test('are listed together up to a number of rows, each once; large ones are split before', () => {
    const bucket = fc.record({ bucket: fc.nat(1_000), rows: fc.integer({ min: 1, max: 300 }) })
    fc.assert(
      fc.property(
        fc.uniqueArray(bucket, { selector: (each) => each.bucket }),
        fc.boolean(),
        (buckets, canSplit) => {
          const plan = planBuckets(buckets, { listRows: 100, splitBuckets: 3, canSplit })
          const all = [...plan.lists, ...plan.splits].flat()
          expect(all.toSorted()).toEqual(buckets.map((each) => each.bucket).toSorted())
          const rows = new Map(buckets.map((each) => [each.bucket, each.rows]))
          for (const list of plan.lists) {
            const total = list.reduce((sum, each) => sum + (rows.get(each) ?? 0), 0)
            expect(list.length === 1 || total <= 100).toBe(true)
            expect(canSplit && total > 100).toBe(false)
          }
          expect(plan.splits.every((split) => split.length <= 3)).toBe(true)
        },
      ),
    )
  })
})

test('rows of a key are paired off: equal ones, then different ones, then the rest', () => {
  const row = (key: string, hash: string, count = 1): Parameters<typeof mergeRows>[0][number] => {
    return { key: [key], id: key, row: hash, count }
  }
  const source = [row('a', '1'), row('b', '1'), row('c', '1'), row('e', '1'), row('e', '2', 2)]
  const destination = [row('a', '1'), row('b', '2'), row('d', '1'), row('e', '2'), row('a', '1')]
  expect(mergeRows(source, destination)).toEqual([
    { id: 'a', key: ['a'], missing: 0, extra: 1, different: 0 },
    { id: 'b', key: ['b'], missing: 0, extra: 0, different: 1 },
    { id: 'c', key: ['c'], missing: 1, extra: 0, different: 0 },
    { id: 'e', key: ['e'], missing: 2, extra: 0, different: 0 },
    { id: 'd', key: ['d'], missing: 0, extra: 1, different: 0 },
  ])
})

test('ranges cover everything between their bounds', () => {
  expect(rangesBetween([])).toEqual([{ from: null, to: null }])
  expect(rangesBetween(['3', '7'])).toEqual([
    { from: null, to: '3' },
    { from: '3', to: '7' },
    { from: '7', to: null },
  ])
})
