import { expect, test } from 'vitest'
import { fenceProducers, TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import { checkpointTopic, laneId } from '../../../sinks/topic/own-names.ts'
import { silent } from '../../support/logger.ts'
import { blockOf, commit } from '../loading.ts'
import {
  dataOf,
  load,
  newestRows,
  openDestination,
  openLane,
  readTopic,
  topicStream,
  topicTest,
} from './topic-support.ts'

const plan = [{ slice: '', partition: 0, state: null }] as const
const rows = (from: number, to: number): { id: number; body: string }[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, body: 'a' }))

test('a newer start fences the lanes of the older one, and its main thread', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append' })
  await using older = openDestination(target)
  await older.check()
  const first = await older.startRun(sink.connection)
  const begun = await older.begin(sink, first)
  await older.savePlan(begun, plan)
  await using zombie = await openLane(target, begun)
  await zombie.write(blockOf(sink.columns, rows(1, 10)))

  await using newer = openDestination(target)
  const second = await newer.startRun(sink.connection)
  expect(second).toEqual({ run: first.run, start: first.start + 1, hasKey: false })
  await expect(commit(zombie, 10)).rejects.toMatchObject({ code: 'fenced' })
  for (const work of [
    () => older.begin(sink, first),
    () => older.savePlan(begun, plan),
    () => older.finish(begun),
    () => older.noteWarning(begun, 'w'),
  ])
    await expect(work()).rejects.toMatchObject({ code: 'fenced' })
  expect(await older.newerStart(sink.connection, first)).toContain('started at')
  expect(await newer.newerStart(sink.connection, second)).toBeUndefined()
  // The attempts of the older one do not take the connection back.
  const again = await newer.begin(sink, second)
  await newer.savePlan(again, plan)
  await load(target, again, rows(1, 3))
  await newer.finish(again)
  expect(await readTopic(target.place, target.topic)).toHaveLength(3)
})

test('what a lane that died has left open is aborted by the next start, also if it hides the checkpoints', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append' })
  const { servers } = target.place
  await using destination = openDestination(target)
  await destination.check()
  const start = await destination.startRun(sink.connection)
  const begun = await destination.begin(sink, start)
  await destination.savePlan(begun, plan)
  await load(target, begun, rows(1, 5), { complete: false })
  // As a lane that is killed between its last message and the end of its transaction.
  const transactionalId = laneId(sink.connection, begun.streamId, 0)
  const topics = [target.topic, checkpointTopic(sink.connection)]
  const dead = await TransactionalProducer.open({
    servers,
    topics,
    transactionalId,
    logger: silent,
  })
  const { BatchEncoder, encodeHeaders } =
    await import('../../../kafka/record-batch/batch-encoder.ts')
  for (const topic of topics) {
    const encoder = new BatchEncoder(100)
    const value = Buffer.from('"never to be seen"')
    encoder.message({ key: Buffer.from('["run"]'), value: [value], headers: encodeHeaders({}) })
    await dead.append(topic, 0, encoder)
  }
  await dead[Symbol.asyncDispose]()

  await using next = openDestination(target)
  const restarted = await next.startRun(sink.connection)
  const resumed = await next.begin(sink, restarted)
  expect(resumed).toMatchObject({ resumed: true, slices: [{ seq: 5, complete: false }] })
  await load(target, resumed, rows(6, 9), { seq: 5 })
  await next.finish(resumed)
  const messages = await readTopic(target.place, target.topic)
  expect(dataOf(newestRows(messages))).toEqual(rows(1, 9))
  expect(messages).toHaveLength(9)
})

test('a lane whose producer was taken away, but not by a newer begin, says that another attempt may work', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append' })
  await using destination = openDestination(target)
  await destination.check()
  const start = await destination.startRun(sink.connection)
  const begun = await destination.begin(sink, start)
  await destination.savePlan(begun, plan)
  await using lane = await openLane(target, begun)
  await lane.write(blockOf(sink.columns, rows(1, 10)))
  const { servers } = target.place
  await fenceProducers({ servers, logger: silent }, [laneId(sink.connection, begun.streamId, 0)])
  await expect(commit(lane, 10)).rejects.toMatchObject({
    code: 'destination_transaction_lost',
    retryable: true,
  })
})
