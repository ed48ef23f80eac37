import { expect } from 'vitest'
import { z } from 'zod'
import { checkpointTopic } from '../../../sinks/topic/own-names.ts'
import type { TopicPlace } from '../../../sinks/topic/topic-place.ts'
import { type crashModes, crashRunFile } from '../../support/crash-shop.ts'
import type { TestDatabase } from '../../support/postgres.ts'
import { newestRows, readTopic } from './topic-support.ts'

const slice = z.object({ plannedSync: z.number(), seq: z.number(), complete: z.boolean() })

export type CrashMode = (typeof crashModes)[number]

/** A connection of a crash shop that loads a topic for each mode. */
export interface CrashTopics {
  readonly shop: TestDatabase
  readonly connection: string
  /** As in a run file. */
  readonly log: unknown
  readonly brokers: readonly string[]
}

/** The run file of all modes, or of some. */
export function topicsRunFile(
  { shop, connection, log, brokers }: CrashTopics,
  modes?: readonly CrashMode[],
): string {
  const destination = {
    type: 'topic',
    url: `topic:${connection}.{stream}`,
    config: { brokers, partitions: 4 },
  }
  return crashRunFile(shop, { connection, destination, log }, modes)
}

export function serversOf({ brokers }: Pick<CrashTopics, 'brokers'>): TopicPlace['servers'] {
  return { brokers, clientId: 'test', ssl: false }
}

/**
 * Row by row what the source has: in `append` each once, in the other modes the newest message of each key.
 */
export async function expectEqual(topics: CrashTopics, mode: CrashMode): Promise<void> {
  const { shop, connection } = topics
  const wanted = await shop.query(`SELECT id, body FROM orders_${mode} ORDER BY id`)
  const servers = serversOf(topics)
  const messages = await readTopic({ servers }, `${connection}.orders_${mode}`)
  const rows = mode === 'append' ? messages.map(({ value }) => value) : newestRows(messages)
  const found = (rows as { id: number; body: string }[])
    .map(({ id, body }) => ({ id: String(id), body }))
    .toSorted((a, b) => Number(a.id) - Number(b.id))
  const expected = wanted.map(({ id, body }) => ({ id: String(id), body: String(body) }))
  expect(found.length, mode).toBe(expected.length)
  expect(found).toEqual(expected)
}

/**
 * Goes through all checkpoints of full refreshes that were ever committed: some moved, and none of a sync
 * went backwards.
 */
export async function expectNoSetback(topics: CrashTopics): Promise<void> {
  const servers = serversOf(topics)
  const messages = await readTopic({ servers }, checkpointTopic(topics.connection))
  const last = new Map<string, { readonly seq: number; readonly complete: boolean }>()
  const setbacks: unknown[] = []
  let moves = 0
  for (const { key, value } of messages) {
    if (value === null || !key?.startsWith('["slice"')) continue
    const now = slice.parse(value)
    const name = `${key} in sync ${String(now.plannedSync)}`
    const before = last.get(name)
    last.set(name, now)
    if (before === undefined || (before.seq === now.seq && before.complete === now.complete))
      continue
    moves += 1
    if (now.seq < before.seq || (before.complete && !now.complete))
      setbacks.push({ name, before, now })
  }
  expect(setbacks).toEqual([])
  expect(moves).toBeGreaterThan(0)
}
