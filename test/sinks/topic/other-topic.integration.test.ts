import { randomBytes } from 'node:crypto'
import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import { TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import type { StreamSync } from '../../../sinks/sink.ts'
import { checkpointTopic, rejectedTopic } from '../../../sinks/topic/own-names.ts'
import { eventsOf, startRun } from '../../cli/reactor-command.ts'
import { silent } from '../../support/logger.ts'
import { runFile } from '../../support/run-file.ts'
import { blockOf, commit } from '../loading.ts'
import {
  asAdmin,
  createTopic,
  dataOf,
  load,
  newestRows,
  openDestination,
  openLane,
  readTopic,
  syncOnce,
  topicStream,
  topicTest,
  type TopicTest,
} from './topic-support.ts'
import { longTest, usually } from '../../support/long.ts'

/** Tests changes that somebody makes to the topics of a connection, while it runs and between its runs. */
const plan = [{ slice: '', partition: 0, state: null }] as const
const rows = (from: number, to: number): { id: number; body: string }[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, body: 'a' }))

/** The broker deletes a topic in its own time. */
async function deleteTopic(target: TopicTest, topic = target.topic): Promise<void> {
  await asAdmin(target.place, async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await until(async () => !(await admin.listTopics()).includes(topic))
  })
}

async function replaceTopic(
  target: TopicTest,
  options: Parameters<typeof createTopic>[2] = {},
): Promise<void> {
  await deleteTopic(target)
  let made = false
  await until(async () => {
    await createTopic(target.place, target.topic, { policy: 'compact', ...options })
      .then(() => (made = true))
      .catch(() => undefined) // it is not gone everywhere yet
    return made
  })
}

async function setConfig(target: TopicTest, name: string, value: string): Promise<void> {
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: target.topic }
  await asAdmin(target.place, async (admin) => {
    const configEntries = [{ name, value }]
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] })
    await until(async () => {
      const query = { includeSynonyms: false, resources: [{ ...resource, configNames: [name] }] }
      const { resources } = await admin.describeConfigs(query)
      return resources[0]?.configEntries[0]?.configValue === value
    })
  })
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not come to hold')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** A message of another program in each partition. */
async function writeForeign({ place, topic }: TopicTest, messages = 50): Promise<void> {
  const transactionalId = `foreign-${randomBytes(4).toString('hex')}`
  const options = { servers: place.servers, topics: [topic], transactionalId, logger: silent }
  await using producer = await TransactionalProducer.open(options)
  for (let partition = 0; partition < place.partitions; partition++) {
    const encoder = new BatchEncoder(1_000)
    for (let n = 0; n < messages; n++)
      encoder.message({
        key: Buffer.from(`{"foreign":${String(n)}}`),
        value: [Buffer.from('{}')],
        headers: encodeHeaders({}),
      })
    await producer.publish(topic, partition, encoder)
  }
}

const ours = (messages: Awaited<ReturnType<typeof readTopic>>): typeof messages =>
  messages.filter(({ headers }) => headers.has('connect-sync'))

const incremental = { mode: 'append_dedup', syncMode: 'incremental', cursor: 'id' } as const

/** A run up to its plan. */
async function begun(
  target: TopicTest,
  options: Parameters<typeof topicStream>[1],
): Promise<
  AsyncDisposable & {
    readonly destination: ReturnType<typeof openDestination>
    readonly sync: StreamSync
  }
> {
  const sink = topicStream(target, options)
  const destination = openDestination(target)
  await destination.check()
  const start = await destination.startRun(sink.connection)
  const sync = await destination.begin(sink, start)
  await destination.savePlan(sync, plan)
  return { destination, sync, [Symbol.asyncDispose]: () => destination[Symbol.asyncDispose]() }
}

test('a topic that was made again is another one, also if it has as many messages as the old one had', async () => {
  const target = topicTest()
  const sink = topicStream(target, incremental)
  await syncOnce(target, sink, rows(1, 20))
  await syncOnce(target, sink, [])
  await replaceTopic(target)
  await writeForeign(target)
  const { begun: again } = await syncOnce(target, sink, rows(1, 20))
  expect(again).toMatchObject({ resumed: false, slices: [] })
  expect(again.warnings).toContainEqual(expect.stringContaining('deleted and made again'))
  expect(ours(await readTopic(target.place, target.topic))).toHaveLength(20)
})

longTest(
  'a topic with fewer partitions that was made again is filled from the beginning',
  async () => {
    const target = topicTest()
    const sink = topicStream(target, incremental)
    await syncOnce(target, sink, rows(1, 20))
    await replaceTopic(target, { partitions: 1 })
    const { begun: again } = await syncOnce(target, sink, rows(1, 20))
    expect(again.warnings).toContainEqual(expect.stringContaining('deleted and made again'))
    expect(await readTopic(target.place, target.topic)).toHaveLength(20)
  },
)

longTest(
  'partitions that were added get no rows after a reset either: old versions of them are elsewhere',
  async () => {
    const target = topicTest()
    const sink = topicStream(target, incremental)
    await syncOnce(target, sink, rows(1, 30))
    await asAdmin(target.place, (admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: target.topic, count: 8 }] }),
    )
    {
      await using destination = openDestination(target)
      await destination.forget(target.connection, 'all')
    }
    const { begun: again } = await syncOnce(target, sink, rows(1, 30))
    expect(again).toMatchObject({ resumed: false, slices: [] })
    expect(again.warnings).toEqual([expect.stringContaining('has 8 partitions now') as string])
    const messages = await readTopic(target.place, target.topic)
    expect(messages).toHaveLength(60)
    expect(dataOf(newestRows(messages))).toEqual(rows(1, 30))
  },
)

test.each(usually(1, ['append', 'append_dedup', 'overwrite'] as const))(
  'a topic that is replaced between two commits takes no row until the stream begins again, in the mode %s',
  async (mode) => {
    const target = topicTest()
    await using run = await begun(target, { mode })
    const { sync } = run
    {
      await using lane = await openLane(target, sync)
      await lane.write(blockOf(sync.sink.columns, rows(1, 10)))
      await commit(lane, 10, { complete: false })
      await replaceTopic(target, { policy: 'delete' })
      const goOn = async (): Promise<void> => {
        await lane.write(blockOf(sync.sink.columns, rows(11, 20), { seq: 10 }))
        await commit(lane, 20)
      }
      await expect(goOn()).rejects.toMatchObject({ retryable: true })
    }
    // The messages that the lane had sent were aborted, so that consumers do not wait for its end.
    expect(await readTopic(target.place, target.topic)).toEqual([])
    const { begun: again } = await syncOnce(target, sync.sink, rows(1, 20))
    // The rows of the first commit are in no topic: nobody reads that they are loaded.
    expect(again).toMatchObject({
      slices: [],
      rowsAreGone: true,
      untoldCounts: { kept: { loaded: 0 } },
      warnings: expect.arrayContaining([
        expect.stringMatching(/10 rows went with it/) as string,
      ]) as string[],
    })
    const messages = await readTopic(target.place, target.topic)
    expect(dataOf(newestRows(messages))).toEqual(rows(1, 20))
    expect(messages).toHaveLength(20)
  },
)

test.each(usually(1, ['append', 'overwrite'] as const))(
  'a topic that is replaced after the last commit is no complete sync, in the mode %s',
  async (mode) => {
    const target = topicTest()
    await using run = await begun(target, { mode })
    const { sync } = run
    await load(target, sync, rows(1, 20))
    await replaceTopic(target)
    await expect(run.destination.finish(sync)).rejects.toMatchObject({
      code: 'destination_topic_missing',
      retryable: true,
    })
    await syncOnce(target, sync.sink, rows(1, 20))
    expect(await readTopic(target.place, target.topic)).toHaveLength(20)
  },
)

longTest('a topic that is deleted between two commits, and not made again, is named', async () => {
  const target = topicTest()
  await using run = await begun(target, { mode: 'append' })
  const { sync } = run
  await using lane = await openLane(target, sync)
  await lane.write(blockOf(sync.sink.columns, rows(1, 10)))
  await commit(lane, 10, { complete: false })
  await deleteTopic(target)
  const goOn = async (): Promise<void> => {
    await lane.write(blockOf(sync.sink.columns, rows(11, 20), { seq: 10 }))
    await commit(lane, 20)
  }
  await expect(goOn()).rejects.toMatchObject({
    code: 'destination_topic_missing',
    message: `Topic ${target.topic} is gone: it was deleted while the run used it. What was loaded into it before, also by this run, went with it`,
    suggestedFix: expect.stringContaining('fills it from the beginning') as string,
    retryable: true,
  })
})

const goneRows = 60_000

longTest(
  'a run whose topic is deleted under way fills it again, and counts no row that went with it',
  async () => {
    const target = topicTest()
    const { connection, topic, place } = target
    const { brokers } = place.servers
    await using file = await runFile({
      connection,
      source: {
        type: 'faker',
        config: { streams: [{ name: 'users', rows: goneRows, rows_per_second: 15_000 }] },
      },
      destination: { type: 'topic', config: { topic, brokers } },
      defaults: { sync_mode: 'full_refresh', destination_sync_mode: 'append' },
      limits: { commit_bytes: 65_536, commit_ms: 50, partitions_per_stream: 1 },
    })
    const frozen = startRun(file.path, { args: ['--json'] })
    const hasRows = async (): Promise<boolean> =>
      asAdmin(place, async (admin) => {
        const offsets = await admin.fetchTopicOffsets(topic).catch(() => [])
        return offsets.some(({ high }) => high !== '0')
      })
    await until(hasRows)
    frozen.process.kill('SIGSTOP')
    try {
      expect(await readTopic(place, topic)).not.toHaveLength(0)
      await deleteTopic(target)
    } finally {
      frozen.process.kill('SIGCONT')
    }
    const end = await frozen.end
    expect(end.stderr).toContain('code=destination_topic_missing')
    expect(eventsOf(end).at(-1)).toMatchObject({
      status: 'complete',
      streams: [
        {
          loaded: goneRows,
          before: { loaded: 0 },
          warnings: expect.arrayContaining([
            expect.stringMatching(/rows went with it/) as string,
          ]) as string[],
        },
      ],
    })
    expect(await readTopic(place, topic)).toHaveLength(goneRows)
  },
)

longTest('an overwrite deletes the old rows also after the checkpoints were deleted', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'overwrite' })
  for (let sync = 0; sync < 3; sync++) await syncOnce(target, sink, rows(1, 8))
  await deleteTopic(target, checkpointTopic(target.connection))
  await syncOnce(target, sink, rows(3, 6))
  expect(dataOf(newestRows(await readTopic(target.place, target.topic)))).toEqual(rows(3, 6))
})

longTest(
  'a run whose checkpoints are deleted under way loads nothing more, and the next one starts over',
  async () => {
    const target = topicTest()
    await using run = await begun(target, { mode: 'append_dedup' })
    const { sync } = run
    await using lane = await openLane(target, sync)
    await lane.write(blockOf(sync.sink.columns, rows(1, 10)))
    await commit(lane, 10, { complete: false })
    await deleteTopic(target, checkpointTopic(target.connection))
    await lane.write(blockOf(sync.sink.columns, rows(11, 20), { seq: 10 }))
    await expect(commit(lane, 20)).rejects.toMatchObject({
      code: 'destination_topic_missing',
      message: `Topic ${checkpointTopic(target.connection)} is gone: it was deleted while the run used it. The checkpoints of the connection went with it`,
      suggestedFix: expect.stringContaining('delete the topics of streams that append') as string,
    })
    const { begun: again } = await syncOnce(target, sync.sink, rows(1, 20))
    expect(again).toMatchObject({ syncId: 1, slices: [] })
    expect(dataOf(newestRows(await readTopic(target.place, target.topic)))).toEqual(rows(1, 20))
  },
)

longTest(
  'a topic that becomes compacted while rows without a key are appended is named, with the setting',
  async () => {
    const target = topicTest()
    await using run = await begun(target, { mode: 'append', key: [] })
    const { sync } = run
    {
      await using lane = await openLane(target, sync)
      await lane.write(blockOf(sync.sink.columns, rows(1, 10)))
      await commit(lane, 10, { complete: false })
      await setConfig(target, 'cleanup.policy', 'compact')
      await lane.write(blockOf(sync.sink.columns, rows(11, 20), { seq: 10 }))
      await expect(commit(lane, 20)).rejects.toMatchObject({
        code: 'destination_topic_policy',
        details: { topic: target.topic, policy: 'compact', needed: 'delete' },
      })
    }
    await setConfig(target, 'cleanup.policy', 'delete')
    expect(await readTopic(target.place, target.topic)).toHaveLength(10)
  },
)

longTest(
  'a limit of messages that is lowered under way fails the run; the next one rejects what is too large, and loses nothing else',
  async () => {
    const target = topicTest()
    const large = Array.from({ length: 4 }, (_, index) => ({
      id: index + 1,
      body: randomBytes(50_000).toString('hex'),
    }))
    await using run = await begun(target, { mode: 'append_dedup' })
    const { sync } = run
    {
      await using lane = await openLane(target, sync)
      await setConfig(target, 'max.message.bytes', '60000')
      await lane.write(blockOf(sync.sink.columns, large))
      await expect(commit(lane, large.length)).rejects.toMatchObject({
        code: 'destination_message_too_large',
        details: { topic: target.topic },
      })
    }
    await syncOnce(target, sync.sink, [...large, ...rows(5, 9)])
    expect(dataOf(newestRows(await readTopic(target.place, target.topic)))).toEqual(rows(5, 9))
    const rejected = await readTopic(target.place, rejectedTopic)
    const own = rejected
      .map(({ value }) => value as { connection: string; reason: string; key: string })
      .filter(({ connection }) => connection === target.connection)
    expect(own.map(({ key }) => key)).toEqual(['[1]', '[2]', '[3]', '[4]'])
    for (const { reason } of own) expect(reason).toContain('max.message.bytes')
  },
)

longTest('a policy that is changed between runs is told in each run', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append_dedup' })
  const { begun: first } = await syncOnce(target, sink, rows(1, 5))
  expect(first.warnings).toEqual([])
  for (const policy of ['delete', 'compact,delete']) {
    await setConfig(target, 'cleanup.policy', policy)
    const { begun: next } = await syncOnce(target, sink, rows(1, 5))
    expect(next.warnings).toEqual([expect.stringContaining(`cleanup.policy=${policy}`) as string])
  }
})

longTest('an overwrite deletes old rows whose keys are as large as messages may be', async () => {
  const target = topicTest({ partitions: 1 })
  const sink = topicStream(target, { mode: 'overwrite', key: ['body'] })
  // The key is only half of a message: the value has the field too.
  const old = Array.from({ length: 80 }, (_, id) => ({
    id,
    body: `${String(id)} ${'k'.repeat(450_000)}`,
  }))
  await syncOnce(target, sink, old)
  await syncOnce(target, sink, rows(1, 1))
  expect(dataOf(newestRows(await readTopic(target.place, target.topic)))).toEqual(rows(1, 1))
})
