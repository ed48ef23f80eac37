import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { dispatchesOf } from '../../../../service/webhooks/deliveries/event-body.ts'

function orderKeyOf(json: string): string | null | undefined {
  const body = Buffer.from(`{"a":${json}}`)
  return dispatchesOf(body, [{ target: 'job:work', orderBy: '/a' }])[0]?.orderKey
}

describe('the key by which events are ordered', () => {
  test.each([
    ['"text"', 'text'],
    ['9007199254740993', '9007199254740993'],
    ['null', null],
    ['true', 'true'],
    ['[]', '[]'],
    ['[ [], {} ]', '[[],{}]'],
    [
      '{"b": [1, "\\u00e4\\n", null, 9007199254740993], "c": {"d": false}}',
      '{"b":[1,"ä\\n",null,9007199254740993],"c":{"d":false}}',
    ],
  ])('of %s is its text', (json, key) => {
    expect(orderKeyOf(json)).toBe(key)
  })

  test.each([5_000, 200_000])('is there for a value that is nested %d deep', (depth) => {
    const text = `${'['.repeat(depth)}${']'.repeat(depth)}`
    const hash = createHash('sha256').update(text).digest('hex')
    expect(orderKeyOf(text)).toBe(`sha256:${hash}`)
  })
})
