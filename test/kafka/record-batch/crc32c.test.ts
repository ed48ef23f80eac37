import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../../../kafka/record-batch/crc32c.ts'

const sequence = Uint8Array.from({ length: 32 }, (_, index) => index)
const iscsiRead = Buffer.from(
  '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' +
    '0200000000000000',
  'hex',
)

test.each([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', sequence, 0x46dd794e],
  ['31 to 0', sequence.toReversed(), 0x113fdb5c],
  ['an iSCSI read command', iscsiRead, 0xd9963a56],
  ['the digits 1 to 9', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
])('gives the checksum that RFC 3720 and the catalogue of CRCs have for %s', (_, bytes, wanted) => {
  expect(crc32c(bytes)).toBe(wanted)
})

test('is that of the polynomial, bit by bit, for any bytes, and goes on from a part', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      expect(crc32c(bytes)).toBe(bitByBit(bytes))
      expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes))
    }),
  )
})

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
