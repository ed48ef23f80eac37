import { expect, test } from 'vitest'
import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import { TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import { eventsOf, startRun } from '../../cli/reactor-command.ts'
import { runHere } from '../../cli/run-here.ts'
import { silent } from '../../support/logger.ts'
import { runFile } from '../../support/run-file.ts'
import { newestRows, readTopic, topicTest } from './topic-support.ts'

test('an overwrite that waits for the open transaction of another program says so, ends promptly when it is stopped, and goes on when that has ended', async () => {
  const { connection, topic, place } = topicTest({ partitions: 1 })
  const { brokers } = place.servers
  await using file = await runFile({
    connection,
    source: { type: 'faker', config: { streams: [{ name: 'users', rows: 50 }] } },
    destination: { type: 'topic', config: { topic, brokers, partitions: 1 } },
    defaults: { destination_sync_mode: 'overwrite' },
  })
  const options = { args: ['--json'] }
  expect(await runHere(file.path, options)).toMatchObject({ code: 0 })
  await using foreign = await TransactionalProducer.open({
    servers: place.servers,
    topics: [topic],
    transactionalId: `foreign-${connection}`,
    logger: silent,
  })
  const encoder = new BatchEncoder(100)
  encoder.message({
    key: Buffer.from('{}'),
    value: [Buffer.from('{}')],
    headers: encodeHeaders({}),
  })
  await foreign.append(topic, 0, encoder)

  const held = startRun(file.path, options)
  await held.output('stderr', /WARN the end of an overwrite waits .*\n/)
  held.process.kill('SIGTERM')
  const stoppedAtMs = performance.now()
  const stopped = await held.end
  expect(performance.now() - stoppedAtMs).toBeLessThan(10_000)
  expect(stopped.code).toBe(4)
  expect(eventsOf(stopped).at(-1)).toMatchObject({ status: 'stopped' })
  expect(stopped.stderr).not.toContain('kafka_unreachable')
  const [warning] = stopped.stderr.match(/.*the end of an overwrite waits.*/g) ?? []
  expect(warning).toContain(`topic=${topic} partition=0`)
  expect(warning).toContain(`describe-producers --topic ${topic} --partition 0`)

  await foreign.abort()
  expect(await runHere(file.path, options)).toMatchObject({ code: 0 })
  expect(newestRows(await readTopic(place, topic))).toHaveLength(50)
}, 120_000)
