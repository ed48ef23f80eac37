import { describe, expect, test } from 'vitest'
import type { PlanValue } from '../../../engine/log/kafka/message-schemas.ts'
import { MissingMessages } from '../../../engine/topics/missing-messages.ts'
import { TableRebuild, type TopicMessage } from '../../../engine/topics/rebuild-table.ts'

const append: PlanValue = {
  connection: 'shop',
  stream: { namespace: 'public', name: 'orders' },
  sync: 1,
  attempt: 1,
  resumed: false,
  sync_mode: 'incremental',
  destination_sync_mode: 'append_dedup',
  generation: 0,
  primary_key: [['id']],
  cursor: null,
  deletes: { mode: 'hard', column: null },
  framing: 'block',
  partitions: 1,
  slices: [{ slice: '', partition: 0, records: 0, complete: false }],
}
const overwrite: PlanValue = { ...append, destination_sync_mode: 'overwrite' }
const planWith = (plan: PlanValue, more: Partial<PlanValue>): PlanValue => ({ ...plan, ...more })

/**
 * A topic as a test writes it: where its partitions begin, and their messages. Records are rejected ones,
 * which need no schema.
 */
class Topic {
  readonly #rebuild = new TableRebuild('topic')
  readonly #missing: MissingMessages
  #offset = 0n

  constructor(
    begins: readonly (readonly [number, bigint])[] = [[0, 0n]],
    options: { readonly firstSync?: number } = {},
  ) {
    this.#missing = new MissingMessages('topic', options)
    for (const [partition, offset] of begins) this.#missing.begin(partition, offset)
  }

  plan(plan: PlanValue, partition = 0): this {
    return this.take({ ...numbers(plan), type: 'PLAN' }, plan, partition)
  }

  /** Its count of records need not be that of those that are here. */
  end(plan: PlanValue, partition = 0, records = 0): this {
    const { connection, stream, sync, attempt, generation, partitions } = plan
    const slices = [{ slice: '', partition: 0, records }]
    const counts = { generation, partitions, records, slices }
    const value = { connection, stream, sync, attempt, outcome: 'complete', ...counts }
    const headers = { type: 'SYNC_END', outcome: 'complete', records: String(records) }
    return this.take({ ...numbers(plan), ...headers }, value, partition)
  }

  close(plan: PlanValue, partition = 0): this {
    return this.take({ ...numbers(plan), type: 'CLOSE', records: '0' }, { records: 0 }, partition)
  }

  take(headers: Readonly<Record<string, string>>, value: unknown, partition = 0): this {
    const message: TopicMessage = {
      partition,
      offset: this.#offset++,
      key: null,
      headers: new Map(Object.entries(headers)),
      value: Buffer.from(JSON.stringify(value)),
    }
    this.#missing.take(message)
    this.#rebuild.take(message)
    return this
  }

  /** Undefined: all is there. */
  refusal(): unknown {
    try {
      this.#missing.check(this.#rebuild.syncs())
      return undefined
    } catch (error) {
      return error
    }
  }
}

function numbers({ sync, attempt }: PlanValue): Record<string, string> {
  return { v: '1', sync: String(sync), attempt: String(attempt) }
}

const gone = (text: string): unknown =>
  expect.objectContaining({
    code: 'topic_incomplete',
    message: expect.stringContaining(text) as string,
  })
const noStream = (text: string): unknown =>
  expect.objectContaining({
    code: 'topic_not_of_stream',
    message: expect.stringContaining(text) as string,
  })

describe('a topic whose messages are all there', () => {
  test('begins with the first sync of the stream', () => {
    const second = planWith(append, { sync: 2, attempt: 2 })
    expect(new Topic().plan(append).end(append).plan(second).refusal()).toBeUndefined()
  })

  test('may begin with a later attempt of it that had nothing before', () => {
    const again = planWith(append, { attempt: 2, resumed: true })
    expect(new Topic().plan(again).refusal()).toBeUndefined()
    expect(new Topic([[0, 3n]]).plan(again).refusal()).toEqual(gone('begins at offset 3'))
  })

  test('may have lost what was before its first PLAN', () => {
    expect(new Topic([[0, 7n]]).plan(append).refusal()).toBeUndefined()
  })

  test('may have partitions that were added', () => {
    const second = planWith(append, { sync: 2, attempt: 2, partitions: 3 })
    const begins = [[0, 0n], [1, 0n], [2, 4n]] as const // prettier-ignore
    const topic = new Topic(begins).plan(append).plan(second).plan(second, 1).plan(second, 2)
    expect(topic.refusal()).toBeUndefined()
  })

  test('begins again with a destination that was dropped', () => {
    const third = planWith(append, { sync: 3, attempt: 3 })
    expect(new Topic([[0, 9n]]).close(third).plan(append).refusal()).toBeUndefined()
  })

  test('may have no sync that is complete yet, of a stream that replaces its rows', () => {
    expect(new Topic().plan(overwrite).refusal()).toBeUndefined()
  })

  test('needs nothing before the last sync that has replaced the rows', () => {
    const fifth = planWith(overwrite, { sync: 5, attempt: 5 })
    const topic = new Topic([[0, 40n]]).close(planWith(overwrite, { sync: 4, attempt: 4 }))
    expect(topic.plan(fifth).end(fifth).refusal()).toBeUndefined()
    const sixth = planWith(overwrite, { sync: 6, attempt: 6 })
    expect(topic.plan(sixth).refusal()).toBeUndefined()
  })

  test('begins with the sync that the reader names', () => {
    const fourth = planWith(append, { sync: 4, attempt: 4 })
    expect(new Topic([[0, 40n]], { firstSync: 4 }).plan(fourth).refusal()).toBeUndefined()
    const again = planWith(fourth, { attempt: 5, resumed: true })
    expect(new Topic([[0, 40n]], { firstSync: 4 }).plan(again).refusal()).toEqual(gone('sync 4'))
    expect(new Topic([[0, 40n]], { firstSync: 5 }).refusal()).toEqual(gone('no PLAN of sync 5'))
  })
})

describe('messages are missing', () => {
  test.each([
    [
      'the first sync, of a topic that was made again',
      planWith(append, { sync: 2, attempt: 2 }),
      0n,
    ],
    ['the first sync after retention', planWith(append, { sync: 2, attempt: 2 }), 12n],
    [
      'what an earlier attempt has loaded',
      planWith(append, {
        attempt: 2,
        resumed: true,
        slices: [{ slice: '', partition: 0, records: 5, complete: false }],
      }),
      0n,
    ],
  ])('%s', (_, plan, begin) => {
    expect(new Topic([[0, begin]]).plan(plan).end(plan).refusal()).toEqual(
      gone(
        `partition 0 begins at offset ${String(begin)} with a PLAN of sync ${String(plan.sync)}`,
      ),
    )
  })

  test('at the beginning of one partition', () => {
    const plan = planWith(append, { partitions: 2 })
    const topic = new Topic([[0, 0n], [1, 8n]]).plan(plan).close(plan, 1) // prettier-ignore
    expect(topic.refusal()).toEqual(gone(': partition 1 begins at offset 8 with a CLOSE of sync 1'))
    expect(
      new Topic([
        [0, 0n],
        [1, 8n],
      ])
        .plan(plan)
        .refusal(),
    ).toEqual(
      // prettier-ignore
      gone(': partition 1 begins at offset 8 with no message'),
    )
  })

  test('of a partition that was added, and whose first sync is gone', () => {
    const second = planWith(append, { sync: 2, attempt: 2, partitions: 2 })
    const third = planWith(second, { sync: 3, attempt: 3 })
    const topic = new Topic([[0, 0n], [1, 8n]]).plan(append).plan(second).plan(third) // prettier-ignore
    expect(topic.plan(third, 1).refusal()).toEqual(gone('partition 1 begins at offset 8'))
  })

  test('of all syncs that were whole', () => {
    const third = planWith(overwrite, { sync: 3, attempt: 3 })
    const topic = new Topic([[0, 5n]]).close(third).end(third)
    expect(topic.refusal()).toEqual(gone('partition 0 begins at offset 5'))
    const fourth = planWith(overwrite, { sync: 4, attempt: 4 })
    expect(topic.plan(fourth).refusal()).toEqual(gone('partition 0 begins at offset 5'))
  })

  test('of the newest sync that has ended, though an older one is whole', () => {
    const second = planWith(overwrite, { sync: 2, attempt: 2 })
    const topic = new Topic().plan(overwrite).end(overwrite).plan(second)
    expect(topic.refusal()).toBeUndefined()
    expect(topic.end(second, 0, 3).refusal()).toEqual(gone('partition 0 begins at offset 0'))
  })

  test('not of a sync that ends while the partitions are read', () => {
    const first = planWith(overwrite, { partitions: 2 })
    const second = planWith(first, { sync: 2, attempt: 2 })
    const topic = new Topic([[0, 0n], [1, 0n]]).plan(first).end(first).plan(first, 1).end(first, 1) // prettier-ignore
    expect(topic.plan(second, 1).end(second, 1).refusal()).toBeUndefined()
    // Partition 0 has lost all of both.
    const cut = new Topic([[0, 50n], [1, 0n]]).plan(first, 1).end(first, 1) // prettier-ignore
    expect(cut.plan(second, 1).end(second, 1).refusal()).toEqual(gone('partition 0 begins at'))
  })

  test('of what was added to the rows of an overwrite', () => {
    const base = planWith(overwrite, { sync: 5, attempt: 5 })
    const added = planWith(append, { sync: 6, attempt: 6, partitions: 2 })
    const later = planWith(added, { sync: 7, attempt: 7 })
    const topicOf = (begin: bigint): Topic =>
      new Topic([[0, 9n], [1, begin]]).plan(base).end(base).plan(added).plan(later) // prettier-ignore
    expect(topicOf(0n).plan(added, 1).plan(later, 1).refusal()).toBeUndefined()
    expect(topicOf(4n).plan(added, 1).plan(later, 1).refusal()).toBeUndefined()
    expect(topicOf(4n).plan(later, 1).refusal()).toEqual(gone('partition 1 begins at offset 4'))
  })

  test.each([
    [append, 'connections reset shop --streams public.orders'],
    [planWith(append, { sync_mode: 'full_refresh' }), '`firstSync`'],
    [overwrite, 'Run the connection again'],
  ])('and the error says what to do', (plan, fix) => {
    expect(new Topic([[0, 3n]]).plan(planWith(plan, { sync: 2 })).refusal()).toMatchObject({
      suggestedFix: expect.stringContaining(fix) as string,
    })
  })
})

describe('a topic that is no stream’s', () => {
  test('is empty, or retention has taken all of it', () => {
    expect(new Topic().refusal()).toEqual(noStream('it is empty'))
    expect(new Topic([[0, 5n]]).refusal()).toEqual(gone('begins at offset 5 with no message'))
  })

  test('has the rows of a destination, or messages of others, or none with a PLAN', () => {
    expect(new Topic().take({ 'connect-sync': '1' }, { id: 1 }).refusal()).toEqual(
      noStream('rows of a destination'),
    )
    expect(new Topic([[0, 5n]]).take({}, { id: 1 }).refusal()).toEqual(
      noStream('not those of a stream'),
    )
    expect(new Topic().close(append).refusal()).toEqual(noStream('wrote no PLAN'))
  })
})

test('a message that is damaged is named', () => {
  const headers = { ...numbers(append), type: 'PLAN' }
  expect(() => new Topic().take(headers, 'text')).toThrow(
    expect.objectContaining({ code: 'log_foreign_message' }),
  )
})
