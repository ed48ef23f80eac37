import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { topicName, topicsOfConnection } from '../../../engine/log/kafka/topic-names.ts'

test('names a topic after the connection, the namespace and the stream', () => {
  expect(topicName('shop', { namespace: 'public', name: 'order_items' })).toBe(
    'connect.shop.public.order_items',
  )
  expect(topicName('shop', { name: 'orders' })).toBe('connect.shop.orders')
})

test('marks a name that Kafka does not allow with a digest of the real one', () => {
  expect(topicName('shop', { name: 'Bestellungen für Köln' })).toMatch(
    /^connect\.shop\.Bestellungen-f-r-K-ln-[0-9a-f]{8}$/,
  )
  expect(topicName('shop', { name: 'x'.repeat(300) })).toHaveLength(249)
})

test('has the digest that docs/topics.md gives the recipe of', () => {
  expect(topicName('weird', { namespace: 'public', name: 'we.ird tä/ble' })).toBe(
    'connect.weird.public.we-ird-t--ble-616d90f3',
  )
  expect(topicName('shop', { namespace: '', name: '😀' })).toBe(
    `connect.shop.-.---${digestOf('["shop","","😀"]')}`,
  )
  expect(topicName('shop', { name: 'x'.repeat(300) })).toBe(
    `${`connect.shop.${'x'.repeat(300)}`.slice(0, 240)}-${digestOf(`["shop",null,"${'x'.repeat(300)}"]`)}`,
  )
  expect(topicName('shop', { name: 'a-0a1b2c3d' })).toBe(
    `connect.shop.a-0a1b2c3d-${digestOf('["shop",null,"a-0a1b2c3d"]')}`,
  )
})

test('gives a connection topics of its own that no stream and no other connection has', () => {
  expect(topicsOfConnection('shop')).toEqual({
    statesTopic: 'connect.shop..states',
    schemasTopic: 'connect.shop..schemas',
  })
  expect(topicsOfConnection('shop.eu').statesTopic).toBe(
    `connect.shop-eu-${digestOf('["shop.eu"]')}..states`,
  )
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('a', 'a.', 'a..states', '', '-', '.', 'x'.repeat(260), 'a-0a1b2c3d'),
  )
  fc.assert(
    fc.property(part, part, part, (connection, other, name) => {
      const { statesTopic, schemasTopic } = topicsOfConnection(connection)
      for (const topic of [statesTopic, schemasTopic]) expect(topic).toMatch(/^[\w.-]{1,249}$/)
      expect([statesTopic, schemasTopic]).not.toContain(topicName(other, { name }))
      expect([statesTopic, schemasTopic]).not.toContain(
        topicName(other, { namespace: '', name: 'states' }),
      )
      if (other !== connection) expect(topicsOfConnection(other).statesTopic).not.toBe(statesTopic)
    }),
  )
})

function digestOf(json: string): string {
  return createHash('sha256').update(json).digest('hex').slice(0, 8)
}

test('never gives two streams one topic, and always a legal one', () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('a', 'a.b', 'b', '', '-', 'a_b', 'x'.repeat(260), 'a-0a1b2c3d'),
  )
  const stream = fc.tuple(part, fc.option(part, { nil: undefined }), part)
  fc.assert(
    fc.property(stream, stream, (left, right) => {
      const name = ([connection, namespace, name]: typeof left): string =>
        topicName(connection, { name, ...(namespace !== undefined && { namespace }) })
      expect(name(left)).toMatch(/^[A-Za-z0-9._-]{1,249}$/)
      if (JSON.stringify(left) !== JSON.stringify(right)) expect(name(left)).not.toBe(name(right))
    }),
  )
})
