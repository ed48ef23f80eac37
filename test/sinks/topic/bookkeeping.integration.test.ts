import { expect, test } from 'vitest'
import type { Destination } from '../../../sinks/sink.ts'
import { noCounts } from '../../../sinks/committed-counts.ts'
import { checkpointTopic, controlTopic, rejectedTopic } from '../../../sinks/topic/own-names.ts'
import { blockOf, commit, keptCounts } from '../loading.ts'
import {
  asAdmin,
  createTopic,
  load,
  openDestination,
  openLane,
  policyOf,
  readTopic,
  syncOnce,
  topicStream,
  topicTest,
} from './topic-support.ts'
import { longTest } from '../../support/long.ts'

const plan = [{ slice: '', partition: 0, state: null }] as const
const rows = (from: number, to: number): { id: number; body: string }[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, body: 'a' }))

async function started(
  destination: Destination,
  connection: string,
  key?: string,
): ReturnType<Destination['startRun']> {
  await destination.check()
  return destination.startRun(connection, key)
}

test('what killed starts committed, changed and warned of is told until a run that told it has ended', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append_dedup' })
  await using destination = openDestination(target)
  const start = await started(destination, sink.connection)
  const begun = await destination.begin(sink, start)
  await destination.savePlan(begun, plan)
  await destination.noteWarning(begun, 'look at this')
  await load(target, begun, rows(1, 4), { complete: false })

  const wider = {
    ...sink,
    columns: [...sink.columns, { name: 'extra', kind: 'boolean' } as const],
  }
  const second = await destination.startRun(sink.connection)
  expect(await destination.untold(wider, second)).toEqual({
    untoldCounts: keptCounts({ loaded: 4 }),
    tableNotes: [],
    warnings: ['look at this'],
  })
  const again = await destination.begin(wider, second)
  expect(again).toMatchObject({
    resumed: false,
    untoldCounts: keptCounts({ loaded: 4 }),
    tableNotes: [{ kind: 'added', column: 'extra', type: 'boolean' }],
    warnings: ['look at this'],
  })
  await destination.savePlan(again, plan)
  await load(target, again, rows(1, 6))
  await destination.finish(again)
  const reported = [again.streamId]
  await destination.endRun(sink.connection, { start: second, how: 'ended', reported })

  const third = await destination.startRun(sink.connection)
  expect(await destination.untold(wider, third)).toEqual({
    untoldCounts: { kept: noCounts, staged: noCounts, replaced: noCounts },
    tableNotes: [],
    warnings: [],
  })
  expect(await destination.begin(wider, third)).toMatchObject({
    untoldCounts: keptCounts(),
    tableNotes: [],
    warnings: [],
  })
})

test('rejected records are in a topic of their own, with their reasons, once', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append_dedup' })
  await using destination = openDestination(target)
  const start = await started(destination, sink.connection)
  const begun = await destination.begin(sink, start)
  await destination.savePlan(begun, plan)
  await using lane = await openLane(target, begun)
  await lane.write(blockOf(sink.columns, [{ id: 1, body: 'a' }, { body: 'no key' }]))
  await lane.reject({ slice: '', seq: 2, reason: 'too large for the log', key: '[3]' })
  await lane.rollback()
  await lane.write(blockOf(sink.columns, [{ id: 1, body: 'a' }, { body: 'no key' }]))
  await lane.reject({ slice: '', seq: 2, reason: 'too large for the log', key: '[3]' })
  const stats = await commit(lane, 3)
  expect(stats).toMatchObject({ loaded: 1, rejected: 2 })
  expect(stats.losses).toHaveLength(2)
  const rejected = (await readTopic(target.place, rejectedTopic)).filter(
    ({ key }) => key === JSON.stringify([sink.connection, null, 'things']),
  )
  expect(rejected.map(({ value }) => value)).toMatchObject([
    {
      stream: 'things',
      topic: target.topic,
      slice: '',
      seq: 1,
      reason: expect.stringContaining('no primary key') as string,
    },
    { seq: 2, reason: 'too large for the log', key: '[3]' },
  ])
  expect(await readTopic(target.place, target.topic)).toHaveLength(1)
})

test('begins and ends of syncs are in connect-control, and nothing but rows is in the topic', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'overwrite_dedup' })
  await syncOnce(target, sink, rows(1, 3))
  await syncOnce(target, sink, rows(1, 2))
  const control = (await readTopic(target.place, controlTopic)).filter(
    ({ key }) => key === JSON.stringify([sink.connection, null, 'things']),
  )
  const facts = { connection: sink.connection, stream: 'things', topic: target.topic }
  expect(control.map(({ value }) => value)).toMatchObject([
    { type: 'sync_started', ...facts, sync_id: 1, generation_id: 1 },
    {
      type: 'sync_complete',
      ...facts,
      sync_id: 1,
      generation_id: 1,
      loaded: 3,
      rejected: 0,
      deleted: 0,
    },
    { type: 'sync_started', ...facts, sync_id: 2, generation_id: 2 },
    {
      type: 'sync_complete',
      ...facts,
      sync_id: 2,
      generation_id: 2,
      loaded: 2,
      rejected: 0,
      deleted: 1,
    },
  ])
  const messages = await readTopic(target.place, target.topic)
  expect(messages).toHaveLength(3 + 2 + 1)
  expect(messages.every(({ headers }) => headers.has('connect-generation'))).toBe(true)
})

longTest(
  'partitions that were added get no rows: the versions of a row stay in order',
  async () => {
    const target = topicTest()
    const sink = topicStream(target, { mode: 'append_dedup' })
    await syncOnce(target, sink, rows(1, 20))
    await asAdmin(target.place, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: target.topic, count: 8 }] }),
    )
    const { begun } = await syncOnce(target, sink, rows(1, 20))
    expect(begun.warnings).toEqual([expect.stringContaining('has 8 partitions now') as string])
    const messages = await readTopic(target.place, target.topic)
    expect(messages.filter(({ partition }) => partition > 2)).toEqual([])
  },
)

test('a topic that was deleted and made again is filled from the beginning', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append_dedup', syncMode: 'incremental', cursor: 'id' })
  await syncOnce(target, sink, rows(1, 20))
  await asAdmin(target.place, (admin) => admin.deleteTopics({ topics: [target.topic] }))
  await createTopicWhenGone(target)
  const { begun } = await syncOnce(target, sink, rows(1, 20))
  expect(begun).toMatchObject({ resumed: false, slices: [] })
  expect(begun.warnings).toContainEqual(expect.stringContaining('deleted and made again'))
  expect(await readTopic(target.place, target.topic)).toHaveLength(20)
})

/** The broker deletes a topic in its own time. */
async function createTopicWhenGone(target: ReturnType<typeof topicTest>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await createTopic(target.place, target.topic, { policy: 'compact' })
      return
    } catch (error) {
      if (tries > 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

longTest('an existing topic is used as it is, with a warning if it is not compacted', async () => {
  const target = topicTest()
  await createTopic(target.place, target.topic, { partitions: 2, policy: 'delete' })
  const { begun } = await syncOnce(
    target,
    topicStream(target, { mode: 'append_dedup' }),
    rows(1, 9),
  )
  expect(begun.warnings).toEqual([expect.stringContaining('cleanup.policy=delete') as string])
  expect(await policyOf(target.place, target.topic)).toBe('delete')
})

test('a compacted topic takes no rows without a key', async () => {
  const target = topicTest()
  await createTopic(target.place, target.topic, { policy: 'compact' })
  const sink = topicStream(target, { mode: 'append', key: [] })
  await expect(syncOnce(target, sink, rows(1, 9))).rejects.toMatchObject({
    code: 'destination_topic_policy',
    details: { needed: 'delete' },
  })
})

test('a checkpoint topic that deletes by age is refused', async () => {
  const target = topicTest()
  await createTopic(target.place, checkpointTopic(target.connection), {
    partitions: 1,
    policy: 'delete',
  })
  await using destination = openDestination(target)
  await expect(destination.startRun(target.connection)).rejects.toMatchObject({
    code: 'destination_topic_policy',
    details: { policy: 'delete', needed: 'compact' },
  })
})

test('one topic holds one stream', async () => {
  const target = topicTest()
  await using destination = openDestination(target)
  const start = await started(destination, target.connection)
  await destination.begin(topicStream(target, { mode: 'append', name: 'one' }), start)
  await expect(
    destination.begin(topicStream(target, { mode: 'append', name: 'two' }), start),
  ).rejects.toMatchObject({ code: 'destination_topic_shared' })
})

test('streams begin and end at the same time', async () => {
  const target = topicTest()
  const place = { ...target.place, topic: `${target.connection}.{stream}` }
  await using destination = openDestination({ place })
  const start = await started(destination, target.connection)
  const names = Array.from({ length: 8 }, (_, index) => `s${String(index)}`)
  await Promise.all(
    names.map(async (name) => {
      const sink = topicStream(target, { mode: 'overwrite', name })
      const begun = await destination.begin(sink, start)
      await destination.savePlan(begun, plan)
      await load({ place }, begun, rows(1, 5))
      await destination.finish(begun)
    }),
  )
  const loaded = await destination.loadedStreams(target.connection)
  expect(loaded.map(({ table }) => table).toSorted()).toEqual(
    names.map((name) => `${target.connection}.${name}`),
  )
  for (const { table } of loaded) expect(await readTopic(place, table)).toHaveLength(5)
})
