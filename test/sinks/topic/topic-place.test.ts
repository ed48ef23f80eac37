import { expect, test } from 'vitest'
import { checkpointTopic, laneId } from '../../../sinks/topic/own-names.ts'
import {
  findNameProblem,
  findSharedTopic,
  targetTopic,
  type TopicPlace,
} from '../../../sinks/topic/topic-place.ts'

const place = (topic: string): TopicPlace => ({
  topic,
  servers: { brokers: [], clientId: 'test', ssl: false },
  partitions: 1,
  format: { encoding: 'json', envelope: 'row' },
})

test('a placeholder is the name of the stream or its namespace', () => {
  const stream = { namespace: 'public', name: 'orders' }
  expect(targetTopic(place('shop.orders'), stream)).toBe('shop.orders')
  expect(targetTopic(place('shop.{stream}'), stream)).toBe('shop.orders')
  expect(targetTopic(place('{namespace}.{stream}.v1'), stream)).toBe('public.orders.v1')
})

test('a name that Kafka does not allow is made safe, and stays one stream’s own', () => {
  const topics = ['a b', 'a-b', 'a.b'].map((name) => targetTopic(place('x.{stream}'), { name }))
  expect(new Set(topics).size).toBe(3)
  for (const topic of topics) expect(topic).toMatch(/^x\.a-b(-[0-9a-f]{8})?$/)
})

test.each([
  'connect.orders',
  'connect_orders',
  'connect-orders',
  '__orders',
  'a b',
  '',
  '.',
  '{x}',
])('%j is no name of a destination', (name) => {
  expect(findNameProblem(name)).toBeDefined()
  expect(() => targetTopic(place(name), { name: 's' })).toThrow(
    expect.objectContaining({ code: 'destination_topic_invalid' }),
  )
})

test('a placeholder does not lead to a reserved name', () => {
  expect(findNameProblem('{stream}')).toBeUndefined()
  expect(() => targetTopic(place('{stream}'), { name: 'connect-control' })).toThrow(
    expect.objectContaining({ code: 'destination_topic_invalid' }),
  )
})

test('streams that would share a topic are found before anything is loaded', () => {
  const first = { namespace: 'a', name: 'orders' }
  const other = { namespace: 'b', name: 'orders' }
  expect(findSharedTopic(place('shop'), first, [first])).toBeUndefined()
  expect(findSharedTopic(place('shop'), first, [first, other])).toMatchObject({
    code: 'destination_topic_shared',
  })
  expect(findSharedTopic(place('shop.{stream}'), first, [first, other])).toBeDefined()
  expect(findSharedTopic(place('{namespace}.{stream}'), first, [first, other])).toBeUndefined()
})

test('connections and streams have names of their own', () => {
  const names = [
    checkpointTopic('a'),
    checkpointTopic('a.b'),
    checkpointTopic('a b'),
    laneId('a', { name: 'b' }, 0),
    laneId('a', { name: 'b' }, 1),
    laneId('a', { namespace: 'b', name: 'c' }, 0),
    laneId('a', { name: 'b.c' }, 0),
    laneId('a', { namespace: '', name: 'b' }, 0),
  ]
  expect(new Set(names).size).toBe(names.length)
})
