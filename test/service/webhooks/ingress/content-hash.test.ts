import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { contentHash } from '../../../../service/webhooks/ingress/content-hash.ts'

const hashOf = (text: string, perDelivery = ['sent_at']): string =>
  contentHash(Buffer.from(text), perDelivery).toString('hex')

test('an event that is sent again is the same one', () => {
  const first = hashOf('{"id":"1","sent_at":1,"n":1.0,"data":{"sent_at":5}}')
  expect(hashOf('{"id":"1","sent_at":2,"n":1.0,"data":{"sent_at":5}}')).toBe(first)
  expect(hashOf('{"id":"1","n":1.0,"data":{"sent_at":5}}')).toBe(first)
  expect(hashOf('{"id":"1","sent_at":2,"n":1.0,"data":{"sent_at":6}}')).not.toBe(first)
  expect(hashOf('{"id":"1","sent_at":2,"n":12345678901234567890,"data":{}}')).not.toBe(
    hashOf('{"id":"1","sent_at":2,"n":12345678901234567891,"data":{}}'),
  )
})

test('of any other body, each byte counts', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  for (const text of ['[1]', 'no json', '', '"text"', '['.repeat(200_000)])
    expect(hashOf(text)).toBe(sha256(text))
  expect(hashOf('{"a":1}', [])).toBe(sha256('{"a":1}'))
  expect(hashOf('{"a":1} ', [])).not.toBe(sha256('{"a":1}'))
})
