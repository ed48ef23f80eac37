import { expect, test } from 'vitest'
import { ChangeRouter, tableKey } from '../../connectors/postgres/cdc/change-router.ts'
import { CopyBoth } from '../../connectors/postgres/cdc/copy-both.ts'
import { FeedMember } from '../../connectors/postgres/cdc/feed-member.ts'
import { formatLsn, parseLsn } from '../../connectors/postgres/cdc/lsn.ts'
import { EventEmitter } from 'node:events'

/** Recorded from PostgreSQL 15: pg_logical_slot_get_binary_changes of a table (id int, t text, big text). */
const relation =
  '52000040ef7075626c696300726563006400030169640000000017ffffffff00740000000019ffffffff006269670000000019ffffffff'
const large = (byte: string): string => `7400000bb8${byte.repeat(3000)}`
const transactions = {
  /** INSERT, UPDATE of two columns, UPDATE of the key, DELETE. */
  first: [
    '420000000002b2a5c0000304ae0e863fa5000003a5',
    relation,
    `49000040ef4e000374000000013174000000046109625c${large('78')}`,
    '55000040ef4e00037400000001316e740000000179',
    '55000040ef4b00037400000001316e6e4e00037400000001326e740000000179',
    '44000040ef4b00037400000001326e6e',
    '43000000000002b2a5c00000000002b2a5f0000304ae0e863fa5',
  ],
  /** UPDATE that leaves a large value alone. */
  unchanged: [
    '420000000002b2b408000304ae0e864289000003a7',
    '55000040ef4e000374000000013374000000016475',
    '43000000000002b2b4080000000002b2b438000304ae0e864289',
  ],
  /** The same for an UPDATE of the key. */
  moved: [
    '420000000002b2b518000304ae0e8642e9000003a8',
    '55000040ef4b00037400000001336e6e4e000374000000013474000000016475',
    '43000000000002b2b5180000000002b2b548000304ae0e8642e9',
  ],
  truncated: [
    '420000000002b2c0e0000304ae0e86457d000003a9',
    relation,
    '540000000100000040ef',
    '43000000000002b2c0e00000000002b2c250000304ae0e86457d',
  ],
}

const columns = ['id', 't', 'big', '_ab_cdc_lsn', '_ab_cdc_updated_at', '_ab_cdc_deleted_at']

function feed({ from = 0n, era = 0 } = {}): {
  readonly router: ChangeRouter
  readonly member: FeedMember
} {
  const member = new FeedMember(
    {
      key: tableKey('public', 'rec'),
      label: 'public.rec',
      types: new Map(),
      columns,
      keyColumns: ['id'],
      present: new Set(columns),
      era,
    },
    from,
  )
  return { router: new ChangeRouter(new Map([[member.stream.key, member]])), member }
}

function take(router: ChangeRouter, messages: readonly string[]): void {
  for (const message of messages) router.take(Buffer.from(message, 'hex'), 0)
}

test('recorded changes become lines in order, each with a position of its own', () => {
  const { router, member } = feed()
  take(router, transactions.first)
  const batch = member.take()
  const time = '2026-12-02 23:49:20.442789+00'
  const lines = batch?.bytes.toString('utf8', 0, batch.length).replace(/x{3000}/, 'LARGE')
  expect(lines?.replaceAll(/\d{4}-\d\d-\d\d [\d:.]+\+00/g, time)).toBe(
    [
      `1\ta\\tb\\\\\tLARGE\t45262272.0000000001\t${time}\t\\N`,
      `1\t\\N\ty\t45262272.0000000002\t${time}\t\\N`,
      `1\t\\N\t\\N\t45262272.0000000003\t${time}\t${time}`,
      `2\t\\N\ty\t45262272.0000000004\t${time}\t\\N`,
      `2\t\\N\t\\N\t45262272.0000000005\t${time}\t${time}`,
      '',
    ].join('\n'),
  )
  expect(batch).toMatchObject({ rows: 5, committed: 0x2b2a5f0n, xids: [0x3a5] })
  expect(router.position).toBe(0x2b2a5f0n)
})

test('an unchanged large value is missing, and a row with a new key has to be looked up', () => {
  const { router, member } = feed()
  take(router, [...transactions.first, ...transactions.unchanged, ...transactions.moved])
  const batch = member.take()
  expect(batch?.partials).toMatchObject([
    { missing: [2], isMoved: false },
    { missing: [2], isMoved: true },
  ])
})

test('a stream skips what was committed before its position, and a connection that begins again repeats nothing', () => {
  const { router, member } = feed({ from: 0x2b2b408n })
  take(router, [...transactions.first, ...transactions.unchanged.slice(0, 2)])
  expect(member.isInTransaction).toBe(true)
  expect(member.take()?.rows).toBe(1)
  member.rewind(router.position, router.commitLsn)
  router.begin(0n)
  take(router, [...transactions.first, ...transactions.unchanged, ...transactions.moved])
  expect(member.take()?.rows).toBe(2)
})

test('a truncation is a deleted row without a key; other messages are refused', () => {
  const { router, member } = feed()
  take(router, transactions.truncated)
  const batch = member.take()
  expect(batch?.bytes.toString('utf8', 0, batch.length)).toMatch(
    /^\\N\t\\N\t\\N\t45269216\.0000000001\t([^\t]+)\t\1\n$/,
  )
  expect(batch).toMatchObject({ rows: 1, partials: [] })
  expect(() => {
    take(router, ['49000040ef4e0003'])
  }).toThrow('outside of a transaction')
  expect(() => {
    take(router, ['5a'])
  }).toThrow(RangeError)
})

test('rows of a later era come after all others, whatever their positions are', () => {
  const { router, member } = feed({ era: 7 })
  take(router, transactions.truncated)
  const batch = member.take()
  expect(batch?.bytes.toString('utf8', 0, batch.length)).toContain(
    '\t700000000000045269216.0000000001\t',
  )
})

test('the server’s position counts only between transactions', () => {
  const { router } = feed()
  take(router, transactions.first.slice(0, 3))
  router.pass(0x3000000n)
  expect(router.position).toBe(0n)
  take(router, transactions.first.slice(3))
  router.pass(0x3000000n)
  expect(router.position).toBe(0x3000000n)
})

test.each([1, 3, 7, 64, 100_000])('messages come whole out of chunks of %i bytes', (size) => {
  const messages = [
    Buffer.alloc(1, 1),
    Buffer.alloc(5, 2),
    Buffer.alloc(70_000, 3),
    Buffer.alloc(4, 4),
  ]
  const framed = Buffer.concat(
    messages.map((message) => {
      const header = Buffer.alloc(5)
      header[0] = 0x64
      header.writeUInt32BE(message.length + 4, 1)
      return Buffer.concat([header, message])
    }),
  )
  const received: Buffer[] = []
  const socket = new EventEmitter()
  const copy = new CopyBoth({
    sql: 'START_REPLICATION',
    onStart: () => undefined,
    onEnd: (thrown) => {
      throw thrown
    },
    onMessage: (bytes, start, end) => received.push(Buffer.from(bytes.subarray(start, end))),
  })
  copy.submit({ stream: socket, query: () => undefined } as never)
  for (let offset = 0; offset < framed.length; offset += size)
    socket.emit('data', framed.subarray(offset, offset + size))
  expect(received.map((message) => [message.length, message[0]])).toEqual(
    messages.map((message) => [message.length, message[0]]),
  )
})

test('positions are numbers with the text of PostgreSQL', () => {
  expect(parseLsn('16/B374D848')).toBe(0x16_b374_d848n)
  expect(formatLsn(0x16_b374_d848n)).toBe('16/B374D848')
})
