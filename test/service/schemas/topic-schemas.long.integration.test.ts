import avro from 'avsc'
import { beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { Service } from '../../../service/service.ts'
import { consumeTopic, skipWithoutKafkaConsole } from '../../support/kafka-console.ts'
import { testKafka } from '../../support/kafka.ts'
import { runToEnd, testService } from '../../support/test-service.ts'

beforeEach(skipWithoutKafkaConsole)

test('a consumer of a topic finds the schema of each record by its fingerprint, in both framings', async () => {
  const { brokers, prefix } = testKafka()
  await using place = await testService({ kafkaBrokers: brokers })
  const { instances, connections, runs } = place.service
  await instances.create({
    name: prefix,
    type: 'faker',
    config: { streams: [{ name: 'users', rows: 20 }] },
  })
  place.work()
  for (const framing of ['block', 'record'] as const) {
    const name = `${prefix}-${framing}`
    await connections.create({
      name,
      from: prefix,
      destination: `data:${framing}`,
      activate: true,
      options: { log: 'kafka', framing },
    })
    const run = await runToEnd(runs, await runs.start(name))
    expect(run).toMatchObject({ status: 'complete', loaded: 20 })
    const used = { connection: name, name: 'users', version: 1, run: run.id }
    expect(await recordsOf(place.service, `connect.${name}.users`, { framing, used })).toBe(20)
  }
})

/**
 * How many records the topic has. Each message is decoded by what the service says of its fingerprint alone.
 */
async function recordsOf(
  { schemas }: Service,
  topic: string,
  expected: { readonly framing: string; readonly used: object },
): Promise<number> {
  let records = 0
  for (const { headers, value } of await consumeTopic(testKafka().brokers, topic)) {
    if (headers.get('type') !== 'RECORD') continue
    const fingerprint = value.readBigUInt64LE(2).toString(16).padStart(16, '0')
    const found = await schemas.get(fingerprint)
    expect(found).toMatchObject({ framing: expected.framing })
    expect(found.usedBy).toContainEqual(expect.objectContaining(expected.used))
    const schema = z.custom<avro.Schema>().parse(found.schema)
    const datum: unknown = avro.Type.forSchema(schema).fromBuffer(value.subarray(10))
    records += Array.isArray(datum) ? datum.length : 1
  }
  return records
}
