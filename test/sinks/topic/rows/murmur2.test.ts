import { describe, expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../../../sinks/topic/rows/murmur2.ts'

describe('the partition of a key', () => {
  // UtilsTest.testMurmur2 of Apache Kafka.
  it.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('is made from the hash of Java: %s', (text, hash) => {
    const bytes = Buffer.from(text)
    expect(murmur2(bytes, bytes.length)).toBe(hash)
    expect(partitionOf(bytes, bytes.length, 7)).toBe((hash & 0x7f_ff_ff_ff) % 7)
  })

  it('takes the first bytes of a buffer only', () => {
    expect(murmur2(Buffer.from('abcdefgh'), 3)).toBe(479_470_107)
  })
})
