import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StreamSync } from '../../../sinks/sink.ts'
import type { TopicPlace } from '../../../sinks/topic/topic-place.ts'
import { startSecuredKafka, type Right, type SecuredKafka } from '../../support/secured-kafka.ts'
import { blockOf, commit } from '../loading.ts'
import {
  createTopic,
  dataOf,
  newestRows,
  openDestination,
  openLane,
  readTopic,
  topicStream,
} from './topic-support.ts'

/** The table of docs/topic-destination.md ("Rights"), by the name that a message has for the resource. */
const table = {
  target: ['WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'READ', 'CREATE'],
  own: ['READ', 'WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'CREATE'],
  schemas: ['WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'CREATE'],
  transactions: ['WRITE', 'DESCRIBE'],
} as const satisfies Readonly<Record<string, readonly Right['operation'][]>>
type Resource = keyof typeof table

interface Case {
  readonly resource: Resource
  readonly operation: Right['operation']
  /** The right that the error names. */
  readonly named: string
}

/**
 * A case for each row of the table. `Describe` alone is never missing: StandardAuthorizer takes it for
 * granted if `Read` or `Write` is there.
 */
const cases: readonly Case[] = [
  // First, as long as nobody has made the topics that all users share.
  { resource: 'schemas', operation: 'CREATE', named: 'Create (or Describe, if it is there) on topic connect.schemas' },
  { resource: 'own', operation: 'CREATE', named: 'Create (or Describe, if it is there) on topic connect-checkpoints.USER' },
  { resource: 'target', operation: 'CREATE', named: 'Create (or Describe, if it is there) on topic USER.rows' },
  { resource: 'target', operation: 'WRITE', named: 'Write on topic USER.rows' },
  { resource: 'target', operation: 'DESCRIBE_CONFIGS', named: 'DescribeConfigs on topic USER.rows' },
  { resource: 'target', operation: 'READ', named: 'Read on topic USER.rows' },
  { resource: 'own', operation: 'READ', named: 'Read on topic connect-checkpoints.USER' },
  { resource: 'own', operation: 'WRITE', named: 'Write on topic connect-checkpoints.USER' },
  { resource: 'own', operation: 'DESCRIBE_CONFIGS', named: 'DescribeConfigs on topic connect-control' },
  { resource: 'schemas', operation: 'WRITE', named: 'Write on topic connect.schemas' },
  { resource: 'schemas', operation: 'DESCRIBE_CONFIGS', named: 'DescribeConfigs on topic connect.schemas' },
  { resource: 'transactions', operation: 'WRITE', named: 'Write on transactional id connect-checkpoints.' },
] // prettier-ignore

const userOf = ({ resource, operation }: Case): string =>
  `no-${resource}-${operation.toLowerCase().replaceAll('_', '-')}`
const users = [...cases.map(userOf), 'full', 'shared', 'creator', 'nobody', 'no-rejected', 'no-ids']

/** Returns the user's rights from the table, except those that `without` selects. */
function rightsOf(user: string, without: (right: Right) => boolean = () => false): Right[] {
  const names: Readonly<Record<Resource, { resource: Right['resource']; name: string }>> = {
    target: { resource: 'TOPIC', name: `${user}.*` },
    own: { resource: 'TOPIC', name: 'connect-*' },
    schemas: { resource: 'TOPIC', name: 'connect.schemas' },
    transactions: { resource: 'TRANSACTIONAL_ID', name: 'connect-checkpoints.*' },
  }
  return Object.entries(table)
    .flatMap(([resource, operations]) =>
      operations.map((operation) => ({ ...names[resource as Resource], operation })),
    )
    .filter((right) => !without(right))
}

let kafka: SecuredKafka
beforeAll(async () => {
  kafka = await startSecuredKafka(users)
  for (const each of cases) {
    const { name } = rightsFor(each)
    const without = (right: Right): boolean =>
      right.name === name && right.operation === each.operation
    await kafka.allow(userOf(each), rightsOf(userOf(each), without))
  }
  await kafka.allow('full', rightsOf('full'))
}, 120_000)
afterAll(() => kafka[Symbol.asyncDispose]())

/** The right that a case leaves out. */
function rightsFor(each: Case): Right {
  const user = userOf(each)
  const names = { target: `${user}.*`, own: 'connect-*', schemas: 'connect.schemas' }
  const name = each.resource === 'transactions' ? 'connect-checkpoints.*' : names[each.resource]
  const resource = each.resource === 'transactions' ? 'TRANSACTIONAL_ID' : 'TOPIC'
  return { resource, name, operation: each.operation }
}

const placeOf = (user: string, place: Partial<TopicPlace> = {}): TopicPlace => ({
  servers: kafka.serversOf(user),
  topic: `${user}.rows`,
  partitions: 2,
  format: { encoding: 'avro', envelope: 'row' },
  ...place,
})

/**
 * Two overwrites, the first with a record that is rejected, the second of fewer rows: all that a destination
 * does.
 */
async function playAll(user: string, place: TopicPlace): Promise<StreamSync> {
  const sink = topicStream({ connection: user }, { mode: 'overwrite' })
  await using destination = openDestination({ place })
  await destination.check()
  const sync = async (
    records: readonly { id: number | null; body: string }[],
  ): Promise<StreamSync> => {
    const start = await destination.startRun(user)
    const begun = await destination.begin(sink, start)
    await destination.savePlan(begun, [{ slice: '', partition: 0, state: null }])
    {
      await using lane = await openLane({ place }, begun)
      await lane.write(blockOf(sink.columns, records))
      await commit(lane, records.length)
    }
    await destination.finish(begun)
    await destination.endRun(user, { start, how: 'ended', reported: [begun.streamId] })
    return begun
  }
  const some = [1, 2, 3].map((id) => ({ id, body: 'a' }))
  await sync([...some, { id: null, body: 'b' }])
  return await sync(some.slice(1))
}

describe('a user of the destination', () => {
  test.each(cases.map((each) => [each.operation, each.resource, each] as const))(
    'without %s on %s is told so',
    async (_, __, each) => {
      const user = userOf(each)
      await expect(playAll(user, placeOf(user))).rejects.toMatchObject({
        code: 'kafka_permission_denied',
        message: expect.stringContaining(
          `the operation ${each.named.replace('USER', user)}`,
        ) as string,
      })
    },
  )

  test('with the rights of the table, and no others, loads, rejects, and deletes old rows', async () => {
    await playAll('full', placeOf('full', { topic: 'full.avro' }))
    const json = { encoding: 'json', envelope: 'row' } as const
    await playAll('full', placeOf('full', { format: json }))
    const messages = await readTopic({ servers: kafka.open }, 'full.rows')
    expect(dataOf(newestRows(messages))).toEqual([
      { id: 2, body: 'a' },
      { id: 3, body: 'a' },
    ])
  })

  test('without Create uses topics that somebody else has made', async () => {
    await kafka.allow(
      'shared',
      rightsOf('shared', ({ operation }) => operation === 'CREATE'),
    )
    const open = { servers: kafka.open }
    await createTopic(open, 'shared.rows', { policy: 'compact' })
    await createTopic(open, 'connect-checkpoints.shared', { policy: 'compact', partitions: 1 })
    const sync = await playAll('shared', placeOf('shared'))
    expect(sync.warnings).toEqual([])
  })

  test('who may only write rejected records not is told so', async () => {
    const own = ['connect-checkpoints.*', 'connect-control'].flatMap((name) =>
      table.own.map((operation): Right => ({ resource: 'TOPIC', name, operation })),
    )
    const readOnly = (['READ', 'DESCRIBE_CONFIGS'] as const).map((operation): Right => ({
      resource: 'TOPIC',
      name: 'connect-rejected',
      operation,
    }))
    const rest = rightsOf('no-rejected', ({ name }) => name === 'connect-*')
    await kafka.allow('no-rejected', [...rest, ...own, ...readOnly])
    await expect(playAll('no-rejected', placeOf('no-rejected'))).rejects.toMatchObject({
      code: 'kafka_permission_denied',
      message: expect.stringContaining('Write on topic connect-rejected') as string,
    })
  })

  test('without any right on transactional ids is told so', async () => {
    await kafka.allow(
      'no-ids',
      rightsOf('no-ids', ({ resource }) => resource !== 'TOPIC'),
    )
    await expect(playAll('no-ids', placeOf('no-ids'))).rejects.toMatchObject({
      code: 'kafka_permission_denied',
      message: expect.stringContaining(
        'Describe on transactional id connect-checkpoints.',
      ) as string,
    })
  })

  test('without any right is told which one is needed first', async () => {
    await expect(playAll('nobody', placeOf('nobody'))).rejects.toMatchObject({
      code: 'kafka_permission_denied',
      message: expect.stringContaining('on topic connect-control') as string,
    })
  })

  test('who loads in the mode append needs no Read on the rows', async () => {
    await kafka.allow(
      'creator',
      rightsOf('creator', ({ name, operation }) => name === 'creator.*' && operation === 'READ'),
    )
    const place = placeOf('creator')
    const sink = topicStream({ connection: 'creator' }, { mode: 'append' })
    await using destination = openDestination({ place })
    await destination.check()
    const start = await destination.startRun('creator')
    const begun = await destination.begin(sink, start)
    await destination.savePlan(begun, [{ slice: '', partition: 0, state: null }])
    await using lane = await openLane({ place }, begun)
    await lane.write(blockOf(sink.columns, [{ id: 1, body: 'a' }]))
    await commit(lane, 1)
    await expect(destination.finish(begun)).resolves.toEqual([])
  })
})
