import { describe, expect, test } from 'vitest'
import { withTransforms } from '../../cli/connections/transform-flag.ts'

const streams = [
  { name: 'orders', namespace: 'public' },
  { name: 'users', namespace: 'public', transform: 'function:old' },
]

describe('--transform', () => {
  test('is for all streams, or for one of them', () => {
    const all = [
      { name: 'orders', namespace: 'public', transform: 'function:clean' },
      { name: 'users', namespace: 'public', transform: 'function:clean' },
    ]
    expect(withTransforms(streams, ['function:clean'])).toEqual(all)
    expect(withTransforms(streams, ['orders=function:clean'])).toEqual([all[0], streams[1]])
    const other = { name: 'orders', namespace: 'public', transform: 'function:b' }
    for (const order of [
      ['function:clean', 'public.orders=function:b'],
      ['public.orders=function:b', 'function:clean'],
    ])
      expect(withTransforms(streams, order)).toEqual([other, all[1]])
  })

  test('none removes it', () => {
    const without = { name: 'users', namespace: 'public' }
    expect(withTransforms(streams, ['none'])).toEqual([streams[0], without])
    expect(withTransforms(streams, ['function:a', 'users=none'])).toEqual([
      { ...streams[0], transform: 'function:a' },
      without,
    ])
  })

  test.each([
    'clean',
    'function:',
    'function:a b',
    'users=',
    'url:https://x',
    `function:${'x'.repeat(64)}`,
  ])('%s is refused with how it is written', (flag) => {
    expect(() => withTransforms(streams, [flag])).toThrow('--transform cannot be')
  })

  test('of an unknown stream says which there are', () => {
    expect(() => withTransforms(streams, ['nobody=function:a'])).toThrow('"nobody"')
  })
})
