import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import type { DeliveryLog } from '../../../../service/webhooks/deliveries/contract.ts'
import { DurableIngress } from '../../../../service/webhooks/ingress/ingress-service.ts'
import { KafkaDeliveryLog } from '../../../../service/webhooks/ingress/kafka-delivery-log.ts'
import { signedHeaders } from '../../../../service/webhooks/signature/sign.ts'
import { ingressReceiver, standardRules, standardSecret } from '../../../support/deliveries.ts'
import { silent } from '../../../support/logger.ts'

/** The lines of the log after `count` deliveries that are all refused. */
async function linesAfter(
  log: DeliveryLog,
  count: number,
  appendTimeoutMs = 5_000,
): Promise<readonly unknown[]> {
  const lines: unknown[] = []
  const receiver = ingressReceiver()
  const ingress = new DurableIngress({
    directory: {
      find: () => receiver,
      named: () => receiver,
      isComplete: () => true,
      refresh: () => Promise.resolve(),
    },
    log,
    limits: { maxBytes: 1_000, deliveriesPerMinute: 0, refusalsPerMinute: 0 },
    logger: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    now: Date.now,
    appendTimeoutMs,
  })
  const body = Buffer.from('{"type":"a"}')
  for (let n = 0; n < count; n++) {
    const headers = signedHeaders(standardRules.signature, body, {
      ...{ secret: standardSecret, nowMs: Date.now(), id: `evt_${String(n)}` },
    })
    const rawHeaders = Object.entries(headers).flat()
    const incoming = { token: 'x', rawHeaders, body, holdFor: () => undefined }
    await expect(ingress.receive(incoming, '127.0.0.1')).rejects.toMatchObject({
      code: 'ingress_unavailable',
      details: {},
    })
  }
  return lines
}

test('a full disk has one line for a hundred deliveries', async () => {
  const details = { reason: 'no space left on device (53100)' }
  const error = new ConnectError('store_unavailable', { details })
  const log = { append: () => Promise.reject(error), late: () => error }
  expect(await linesAfter(log, 100)).toMatchObject([
    {
      code: 'store_unavailable',
      reason: expect.stringContaining('no space left on device') as unknown,
      msg: 'a delivery could not be stored',
    },
  ])
})

test('a broker that is frozen is named, as Kafka', async () => {
  // It accepts connections, and never responds.
  const frozen = createServer((socket) => socket.on('error', () => undefined))
  frozen.listen(0, '127.0.0.1')
  await once(frozen, 'listening')
  const broker = `127.0.0.1:${String((frozen.address() as AddressInfo).port)}`
  const servers = { brokers: [broker], clientId: 'test', ssl: false }
  const topic = { servers, topic: 'connect.ingress', partitions: 1, logger: silent }
  const nothing = (): Promise<never> => Promise.reject(new ConnectError('store_unavailable'))
  const late = (): ConnectError => new ConnectError('store_unavailable')
  const stored = { append: nothing, appendAll: nothing, storedHashes: nothing, late }
  const log = new KafkaDeliveryLog({ topic, stored, logger: silent, now: Date.now })
  expect(await linesAfter(log, 1, 300)).toMatchObject([
    {
      code: 'kafka_unreachable',
      reason: `Kafka cannot be reached at ${broker}: topic connect.ingress did not take the delivery within 0.3 s`,
      msg: 'a delivery could not be stored',
    },
  ])
  frozen.close()
})
