import { expect, onTestFinished, test } from 'vitest'
import type { SyncMode } from '../../../../sinks/sink.ts'
import { PreviewDestination } from '../../../../sinks/topic/preview/preview-destination.ts'
import { takeSnapshot } from '../../../../sinks/topic/preview/take-snapshot.ts'
import { SchemaRegistry } from '../../../../sinks/topic/registry/schema-registry.ts'
import { silent } from '../../../support/logger.ts'
import {
  asAdmin,
  load,
  openDestination,
  syncOnce,
  topicStream,
  topicTest,
  type TopicTest,
} from '../topic-support.ts'
import { startFakeRegistry, type FakeRegistry } from './fake-registry.ts'
import { usually } from '../../../support/long.ts'

/** A registry that gives other ids: old messages cannot be decoded by it, and keys have other bytes. */
const rows = [1, 2, 3].map((id) => ({ id, body: 'a' }))

async function openAvro(): Promise<{
  readonly target: TopicTest
  readonly registry: FakeRegistry
}> {
  const registry = await startFakeRegistry()
  onTestFinished(async () => registry[Symbol.asyncDispose]())
  const format = { encoding: 'avro', envelope: 'row' } as const
  return { registry, target: topicTest({ format, registry: { url: registry.url } }) }
}

async function endsOf({ place, topic }: TopicTest): Promise<readonly string[]> {
  const offsets = await asAdmin(place, (admin) => admin.fetchTopicOffsets(topic))
  return offsets.map(({ high }) => high)
}

const refusal = (after: string): object => ({
  code: 'destination_topic_form_changed',
  retryable: false,
  details: { after: expect.stringContaining(after) as string },
})

test.each(
  usually(1, [
    ['append_dedup', ['id']],
    ['overwrite', ['id']],
    ['append', []],
  ] as const satisfies readonly (readonly [SyncMode, readonly string[]])[]),
)(
  'a registry that has lost its schemas is refused in the mode %s, before it gets any',
  async (mode, key) => {
    const { target, registry } = await openAvro()
    const sink = topicStream(target, { mode, key })
    await syncOnce(target, sink, rows)
    await syncOnce(target, sink, rows)
    const before = await endsOf(target)
    registry.lose()
    const lost = refusal('does not have that schema')
    await expect(syncOnce(target, sink, rows)).rejects.toMatchObject(lost)
    const { place, connection } = target
    const snapshot = await takeSnapshot({ place, connection, streams: [sink], logger: silent })
    const preview = new PreviewDestination(snapshot)
    const start = await preview.startRun(connection)
    await expect(preview.begin(sink, start)).rejects.toMatchObject(lost)
    expect(registry.schemas).toEqual([])
    expect(await endsOf(target)).toEqual(before)
  },
)

test('a registry that has the schema of the key under another id is refused, also one that changes under way', async () => {
  const { target, registry } = await openAvro()
  const sink = topicStream(target, { mode: 'append_dedup' })
  await syncOnce(target, sink, rows)
  const [key = ''] = registry.schemas
  const registerElsewhere = async (): Promise<void> => {
    registry.lose()
    const other = new SchemaRegistry({ url: registry.url })
    await other.register('another', { type: 'AVRO', text: '"string"' })
    await other.register(`${target.topic}-key`, { type: 'AVRO', text: key })
  }
  await using destination = openDestination(target)
  const start = await destination.startRun(target.connection)
  const sync = await destination.begin(sink, start)
  await destination.savePlan(sync, [{ slice: '', partition: 0, state: null }])
  await registerElsewhere()
  await expect(load(target, sync, rows)).rejects.toMatchObject(refusal('under the id 2'))
  await expect(syncOnce(target, sink, rows)).rejects.toMatchObject(refusal('under the id 2'))
  // As it was, in the same order, as from a backup.
  registry.lose()
  const restored = new SchemaRegistry({ url: registry.url })
  await restored.register(`${target.topic}-key`, { type: 'AVRO', text: key })
  const { begun } = await syncOnce(target, sink, rows)
  expect(begun.syncId).toBe(3)
})
