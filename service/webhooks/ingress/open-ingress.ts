import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { Vault } from '../../platform/vault/vault.ts'
import type { KafkaPlace } from '../../run-worker/log-config.ts'
import type { Store } from '../../store/store.ts'
import type { DeliveryLog } from '../deliveries/contract.ts'
import { hidingLog, withHiddenTargets } from '../deliveries/hidden-targets.ts'
import type { TargetAddresses } from '../receivers/target-addresses.ts'
import type { IngressService } from './contract.ts'
import { DurableIngress } from './ingress-service.ts'
import { bringDeliveries, KafkaDeliveryLog } from './kafka-delivery-log.ts'
import { LoadedDirectory } from './receiver-directory.ts'

export interface OpenIngressOptions {
  readonly settings: Pick<
    Settings,
    'ingressBytes' | 'ingressPerMinute' | 'ingressRefusalsPerMinute'
  >
  readonly store: Pick<Store, 'receivers' | 'deliveryLog' | 'serviceId'>
  readonly vault: Vault
  readonly addresses: TargetAddresses
  /** Undefined: deliveries are durable in PostgreSQL. */
  readonly kafka: KafkaPlace | undefined
  /** Default: `connect.ingress`. */
  readonly topic?: string
  readonly logger: Logger
  now(): number
}

const defaultTopic = 'connect.ingress'
const clientId = 'reactor-connect'
/** As many workers can share the deliveries; those of one receiver are in one partition. */
const partitions = 6

export interface OpenIngress extends AsyncDisposable {
  readonly service: IngressService
  /** Reads the receivers for the first time. If it cannot, the response to deliveries is 503 until it can. */
  start(): Promise<void>
  /** Reads the receivers again. If it cannot, `run` does it later. */
  refresh(): Promise<void>
  /** Keeps the receivers up to date. For processes that take deliveries in. */
  readonly run: (signal: AbortSignal) => Promise<void>
  /** Brings deliveries from Kafka to PostgreSQL. For workers. */
  readonly consume: (signal: AbortSignal) => Promise<void>
}

export function openIngress(options: OpenIngressOptions): OpenIngress {
  const { settings, store, vault, addresses, kafka, logger } = options
  const now = (): number => options.now()
  const stored = hidingLog(store.deliveryLog, addresses)
  const topic = kafka && {
    servers: { ...kafka, clientId },
    topic: options.topic ?? defaultTopic,
    partitions,
    logger,
  }
  const log = topic && new KafkaDeliveryLog({ topic, stored, logger, now })
  const directory = new LoadedDirectory({ store: store.receivers, vault, logger })
  const service = new DurableIngress({
    directory,
    log: log === undefined ? stored : hidden(log, addresses),
    limits: {
      maxBytes: settings.ingressBytes,
      deliveriesPerMinute: settings.ingressPerMinute,
      refusalsPerMinute: settings.ingressRefusalsPerMinute,
    },
    logger,
    now,
  })
  const refresh = async (failed: string): Promise<void> => {
    try {
      await directory.refresh()
    } catch (error) {
      const { code } = ConnectError.from(error)
      logger.warn({ code }, failed)
    }
  }
  return {
    service,
    start: () => refresh('the webhook receivers could not be read: deliveries are not accepted'),
    refresh: () => refresh('a changed webhook receiver is not known in this process yet'),
    run: (signal) => directory.run(signal),
    consume: async (signal) => {
      if (topic === undefined) return
      const { serviceId } = store
      await bringDeliveries({ topic, stored, serviceId, logger }, signal)
    },
    [Symbol.asyncDispose]: async () => log?.[Symbol.asyncDispose](),
  }
}

function hidden(log: DeliveryLog, addresses: TargetAddresses): DeliveryLog {
  return {
    append: async (delivery) => log.append(await withHiddenTargets(delivery, addresses)),
    late: (afterMs) => log.late(afterMs),
  }
}
