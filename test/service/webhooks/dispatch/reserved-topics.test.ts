import { describe, expect, test } from 'vitest'
import { reservedTopicProblem } from '../../../../service/webhooks/dispatch/targets/topic/reserved-topics.ts'

describe('a topic', () => {
  test.each([
    'connect.shop.orders',
    'connect_shop_orders',
    'connect.ingress',
    'connect_',
    'connect-checkpoints.shop',
    'connect-control',
    '__consumer_offsets',
    '_.consumer.offsets',
    '..x',
  ])('of the service or of Kafka gets no events: %s', (name) => {
    expect(reservedTopicProblem(name)).toMatchObject({
      reason: expect.stringContaining('belong to') as unknown,
      fix: expect.stringContaining('another name') as unknown,
    })
  })

  test.each(['orders', 'connected', '_orders', 'x__y', 'Connect.x', 'connect'])(
    'with another name does: %s',
    (name) => {
      expect(reservedTopicProblem(name)).toBeUndefined()
    },
  )
})
