import { describe, expect, test } from 'vitest'
import { messagesOf } from '../../../engine/log/kafka/lane-messages.ts'
import type { PlanValue } from '../../../engine/log/kafka/message-schemas.ts'
import type { LogEntry } from '../../../engine/log/stream-log.ts'
import { TableRebuild, type TopicMessage } from '../../../engine/topics/rebuild-table.ts'
import { BatchEncoder } from '../../../kafka/record-batch/batch-encoder.ts'
import { MessageCursor } from '../../../kafka/record-batch/message-cursor.ts'
import { wireSchema } from '../../../protocol/avro/avro-schema.ts'
import {
  parseDigits,
  rawJson,
  stringifyExact,
  type Column,
  type RecordData,
  type RecordValue,
} from '../../../protocol/index.ts'
import { blockOf } from '../../sinks/loading.ts'

const stream = { name: 'orders' }
const allColumns: readonly Column[] = [
  { name: 'id', kind: 'integer' },
  { name: 'body', kind: 'string' },
  { name: '_ab_cdc_deleted_at', kind: 'timestamptz' },
]

const appendDedup: PlanValue = {
  connection: 'shop',
  stream,
  sync: 1,
  attempt: 1,
  resumed: false,
  sync_mode: 'incremental',
  destination_sync_mode: 'append_dedup',
  generation: 0,
  primary_key: [['id']],
  cursor: null,
  deletes: { mode: 'hard', column: '_ab_cdc_deleted_at' },
  framing: 'block',
  partitions: 1,
  slices: [{ slice: '', partition: 0, records: 0, complete: false }],
}

/** A topic as a test writes it. */
class Topic {
  readonly #rebuild = new TableRebuild('topic')

  /** All that follows is of this attempt. */
  plan(plan: PlanValue, partition = 0): void {
    const { sync, attempt } = plan
    const headers = { v: '1', type: 'PLAN', sync: String(sync), attempt: String(attempt) }
    this.take(headers, plan, partition)
  }

  end(plan: PlanValue, partition = 0, records = 0): void {
    const { sync, attempt } = plan
    const common = { v: '1', type: 'SYNC_END', sync: String(sync), attempt: String(attempt) }
    const slices = plan.slices.map((slice) => ({ slice: slice.slice, partition: 0, records }))
    const { connection, generation, partitions } = plan
    const counts = { generation, partitions, records, slices }
    const value = { connection, stream, sync, attempt, outcome: 'complete', ...counts }
    this.take({ ...common, outcome: 'complete', records: String(records) }, value, partition)
  }

  /** Records that were rejected, as one unit. */
  reject({ sync, attempt }: PlanValue, count: number, seq = 0): void {
    const common = { v: '1', sync: String(sync), attempt: String(attempt), slice: '' }
    for (let place = seq; place < seq + count; place++)
      this.take({ ...common, type: 'REJECTED', seq: String(place) }, { reason: 'too large' })
    this.take(
      { ...common, type: 'STATE', seq: String(seq + count), count: String(count) },
      { type: 'STATE' },
    )
  }

  /**
   * A slice from `seq` on: its begin, the records as one unit, and their state unless it is left open.
   * `isBegun`: without the begin.
   */
  async read(
    { sync: syncId, attempt }: PlanValue,
    records: readonly RecordData[],
    {
      seq = 0,
      partition = 0,
      isOpen = false,
      isBegun = false,
      columns = allColumns,
    }: {
      seq?: number
      partition?: number
      isOpen?: boolean
      isBegun?: boolean
      columns?: readonly Column[]
    } = {},
  ): Promise<void> {
    const count = records.length
    const entries: LogEntry[] = [
      { type: 'begin', syncId, attempt, slice: '', seq, columns },
      { type: 'records', ...blockOf(columns, records, { seq, ms: syncId }) },
      { type: 'state', slice: '', seq: seq + count, count, state: null },
    ]
    const batch = new BatchEncoder(1_000)
    for (const entry of entries.slice(isBegun ? 1 : 0, isOpen ? 2 : 3)) {
      const maker = { stream, partition, framing: 'block', syncId, attempt } as const
      for (const some of messagesOf(entry, maker, {
        schema: wireSchema(stream, columns),
        writtenBefore: 0,
      }))
        some.encode(batch)
    }
    for (const message of await messagesIn(batch)) this.#rebuild.take({ ...message, partition })
  }

  rows(): unknown[] {
    return this.#rebuild.rows().map(({ id, body }) => [id, body])
  }

  take(headers: Readonly<Record<string, string>>, value: unknown, partition = 0): void {
    const message: TopicMessage = {
      partition,
      offset: 0n,
      key: null,
      headers: new Map(Object.entries(headers)),
      value: Buffer.from(JSON.stringify(value)),
    }
    this.#rebuild.take(message)
  }
}

async function messagesIn({
  bytes,
  count,
}: BatchEncoder): Promise<Omit<TopicMessage, 'partition'>[]> {
  const batch = { baseOffset: 0n, lastOffset: BigInt(count - 1), codec: 0, count } as const
  const facts = {
    transactional: true,
    control: false,
    producerId: 1n,
    producerEpoch: 0,
    checksum: 0,
    body: Buffer.from(bytes),
  }
  const cursor = await MessageCursor.open({ ...batch, ...facts }, 0n)
  const messages: Omit<TopicMessage, 'partition'>[] = []
  while (cursor.next()) messages.push(cursor.message())
  return messages
}

const row = (id: number, body: string | null, deletedAt: string | null = null): RecordData => {
  return { id, body, _ab_cdc_deleted_at: deletedAt }
}
const gone = '2026-11-28T00:00:00Z'

describe('the table that a topic tells', () => {
  test('has the newest record of each key, whichever partition comes first', async () => {
    const first = { ...appendDedup, partitions: 2 }
    const second = { ...first, sync: 2, attempt: 2 }
    const topic = new Topic()
    // The key was in partition 1 first: its reader is late.
    topic.plan(first)
    topic.plan(second)
    await topic.read(second, [row(1, 'new')])
    topic.plan(first, 1)
    await topic.read(first, [row(1, 'old')], { partition: 1 })
    expect(topic.rows()).toEqual([[1, 'new']])
  })

  test('has only what a state covers, and what comes again once', async () => {
    const topic = new Topic()
    const append = { ...appendDedup, destination_sync_mode: 'append' } as const
    topic.plan(append)
    await topic.read(append, [row(1, 'a'), row(2, 'b')])
    await topic.read(append, [row(3, 'of an open unit')], { seq: 2, isOpen: true })
    expect(topic.rows()).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
    const again = { ...append, attempt: 2, resumed: true }
    topic.plan(again)
    await topic.read(again, [row(4, 'again')], { seq: 1 })
    expect(topic.rows()).toEqual([
      [1, 'a'],
      [4, 'again'],
    ])
  })

  test('is replaced when the sync has ended in all partitions, and not if it goes on after that', async () => {
    const overwrite = { ...appendDedup, destination_sync_mode: 'overwrite', partitions: 2 } as const
    const topic = new Topic()
    for (const sync of [1, 2]) {
      const plan = { ...overwrite, sync, attempt: sync }
      for (const partition of [0, 1]) {
        topic.plan(plan, partition)
        await topic.read(plan, [row(partition, `sync ${String(sync)}`)], { partition })
      }
      topic.end(plan, 0, 2)
      expect(topic.rows()).toHaveLength(sync === 1 ? 0 : 2)
      topic.end(plan, 1, 2)
      expect(topic.rows()).toEqual([0, 1].map((id) => [id, `sync ${String(sync)}`]))
    }
    topic.plan({ ...overwrite, sync: 2, attempt: 3, resumed: true }, 1)
    expect(topic.rows()).toEqual([0, 1].map((id) => [id, 'sync 1']))
  })

  test.each([
    ['hard', [[2, 'b']]],
    [
      'soft',
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
  ] as const)('with deletes: %s', async (mode, expected) => {
    const plan = { ...appendDedup, deletes: { mode, column: '_ab_cdc_deleted_at' } }
    const topic = new Topic()
    topic.plan(plan)
    await topic.read(plan, [row(1, 'a'), row(2, 'b'), row(1, null, gone)])
    expect(topic.rows()).toEqual(expected)
  })

  test('keeps in a row the value of a column that the source has dropped', async () => {
    const topic = new Topic()
    const plan = { ...appendDedup, deletes: { mode: 'hard', column: null } } as const
    const [id, body] = allColumns.slice(0, 2)
    topic.plan(plan)
    await topic.read(plan, [row(1, 'a'), row(2, 'b')], {
      columns: [id, body].flatMap((c) => c ?? []),
    })
    const next = { ...plan, sync: 2, attempt: 2 }
    topic.plan(next)
    await topic.read(next, [{ id: 1 }, { id: 3 }], { columns: id === undefined ? [] : [id] })
    expect(topic.rows()).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, undefined],
    ])
  })

  test('has null for a field that is missing, if its stream has rows and no changes', async () => {
    const topic = new Topic()
    const plan = { ...appendDedup, deletes: { mode: 'hard', column: null } } as const
    const columns = allColumns.slice(0, 2)
    topic.plan(plan)
    await topic.read(plan, [{ id: 1, body: 'a' }, { id: 1 }], { columns })
    expect(topic.rows()).toEqual([[1, null]])
  })

  test('keeps the digits of numbers, and takes keys of one value as one', async () => {
    const topic = new Topic()
    const plan = { ...appendDedup, deletes: { mode: 'hard', column: null } } as const
    const columns = [{ name: 'id', kind: 'number' }, { name: 'body', kind: 'json' }] as const // prettier-ignore
    topic.plan(plan)
    const [first, second] = ['1.50', '[1.0,2.50]'].map((text) => parseDigits(text))
    await topic.read(plan, [{ id: 1, body: 'old' }, { id: rawJson('1.0'), body: first ?? null }, { id: 2, body: second ?? null }], { columns }) // prettier-ignore
    expect(stringifyExact(topic.rows() as RecordValue)).toBe('[[1.0,1.50],[2,[1.0,2.50]]]')
  })

  test('has nothing of a row that was deleted when its key comes back', async () => {
    const topic = new Topic()
    topic.plan(appendDedup)
    const back = { id: 1, _ab_cdc_deleted_at: null }
    await topic.read(appendDedup, [row(1, 'a'), row(1, null, gone), back])
    expect(topic.rows()).toEqual([[1, undefined]])
  })

  test('stays when the records of a sync were all rejected', async () => {
    const topic = new Topic()
    const overwrite = { ...appendDedup, destination_sync_mode: 'overwrite' } as const
    topic.plan(overwrite)
    await topic.read(overwrite, [row(1, 'a')])
    topic.end(overwrite, 0, 1)
    const rejected = { ...overwrite, sync: 2, attempt: 2 }
    topic.plan(rejected)
    topic.reject(rejected, 3)
    topic.end(rejected, 0, 3)
    expect(topic.rows()).toEqual([[1, 'a']])
    const empty = { ...overwrite, sync: 3, attempt: 3 }
    topic.plan(empty)
    topic.end(empty, 0, 0)
    expect(topic.rows()).toEqual([])
  })

  test('stays when retention has taken some of the next sync', async () => {
    const topic = new Topic()
    const overwrite = { ...appendDedup, destination_sync_mode: 'overwrite' } as const
    topic.plan(overwrite)
    await topic.read(overwrite, [row(1, 'whole')])
    topic.end(overwrite, 0, 1)
    const cut = { ...overwrite, sync: 2, attempt: 2 }
    topic.plan(cut)
    await topic.read(cut, [row(2, 'a part')], { seq: 1 })
    topic.end(cut, 0, 2)
    expect(topic.rows()).toEqual([[1, 'whole']])
    const whole = { ...overwrite, sync: 3, attempt: 3 }
    topic.plan(whole)
    await topic.read(whole, [row(3, 'whole again')])
    topic.reject(whole, 1, 1)
    topic.end(whole, 0, 2)
    expect(topic.rows()).toEqual([[3, 'whole again']])
  })

  test('passes over records whose BEGIN retention has taken', async () => {
    const topic = new Topic()
    const overwrite = { ...appendDedup, destination_sync_mode: 'overwrite' } as const
    await topic.read(overwrite, [row(1, 'old')], { seq: 3, isBegun: true })
    topic.end(overwrite, 0, 4)
    const next = { ...overwrite, sync: 2, attempt: 2 }
    topic.plan(next)
    await topic.read(next, [row(2, 'new')])
    topic.end(next, 0, 1)
    expect(topic.rows()).toEqual([[2, 'new']])
  })

  test('has nothing of a unit whose begin retention has taken', async () => {
    const topic = new Topic()
    const append = { ...appendDedup, destination_sync_mode: 'append' } as const
    topic.plan(append)
    await topic.read(append, [row(2, 'the end of the unit')], { seq: 1, isOpen: true })
    const common = { v: '1', sync: '1', attempt: '1', slice: '' }
    topic.take({ ...common, type: 'STATE', seq: '2', count: '2' }, { type: 'STATE' })
    expect(topic.rows()).toEqual([])
  })

  test('forgets what a destination that was restored does not know', async () => {
    const topic = new Topic()
    const append = { ...appendDedup, destination_sync_mode: 'append' } as const
    for (const sync of [1, 2, 3]) {
      const plan = { ...append, sync, attempt: sync }
      topic.plan(plan)
      await topic.read(plan, [row(sync, 'of the first life')])
    }
    const restored = { ...append, sync: 2, attempt: 2 }
    topic.plan(restored)
    await topic.read(restored, [row(4, 'of the second life')])
    expect(topic.rows()).toEqual([
      [1, 'of the first life'],
      [4, 'of the second life'],
    ])
  })

  test('passes over types that are not known yet, and stops at a version that is not', () => {
    const topic = new Topic()
    topic.take({ v: '1', type: 'HEARTBEAT' }, {})
    expect(topic.rows()).toEqual([])
    expect(() => {
      topic.take({ v: '2', type: 'PLAN' }, {})
    }).toThrow(expect.objectContaining({ code: 'log_version_newer' }))
  })
})
