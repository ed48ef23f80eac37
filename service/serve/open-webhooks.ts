import type { FolderCatalogService } from '../catalog/catalog-service.ts'
import type { Settings } from '../platform/config/settings.ts'
import { StoredKey } from '../platform/vault/stored-key.ts'
import type { Vault } from '../platform/vault/vault.ts'
import type { KafkaPlace } from '../run-worker/log-config.ts'
import type { Service } from '../service.ts'
import type { Store } from '../store/store.ts'
import { openDispatch, type OpenDispatch } from '../webhooks/dispatch/open-dispatch.ts'
import {
  StreamTarget,
  type StreamTargetOptions,
} from '../webhooks/dispatch/targets/stream/stream-target.ts'
import { TopicTarget } from '../webhooks/dispatch/targets/topic/topic-target.ts'
import { findingHidden } from '../webhooks/deliveries/hidden-targets.ts'
import { openIngress, type OpenIngress } from '../webhooks/ingress/open-ingress.ts'
import { moveTargetAddresses } from '../webhooks/receivers/move-addresses.ts'
import { StoredReceiverService } from '../webhooks/receivers/receiver-service.ts'
import { TargetAddresses } from '../webhooks/receivers/target-addresses.ts'

export interface WebhookDependencies extends StreamTargetOptions {
  readonly settings: Settings
  readonly store: Store
  readonly vault: Vault
  readonly catalog: FolderCatalogService
  readonly kafka: KafkaPlace | undefined
  readonly now: () => number
}

export interface OpenWebhooks extends AsyncDisposable {
  readonly service: Pick<Service, 'ingress' | 'receivers' | 'deliveries'>
  readonly ingress: OpenIngress
  readonly dispatch: OpenDispatch
  /** Loads events into the tables of connections. */
  readonly streamTarget: StreamTarget
  /** See `moveTargetAddresses`. */
  readonly moveTargetAddresses: () => Promise<number>
}

/** Receivers, what comes in, and where it goes. */
export function openWebhooks(dependencies: WebhookDependencies): OpenWebhooks {
  const { settings, store, vault, catalog, kafka, logger, now } = dependencies
  const { functions } = dependencies.places
  const streamTarget = new StreamTarget(dependencies)
  const topic = new TopicTarget(kafka && { ...kafka, clientId: 'reactor-connect' }, logger)
  const more = { stream: streamTarget, topic }
  const addresses = new TargetAddresses({ vault, key: new StoredKey(vault, 'webhooks/target-key') })
  const shared = { settings, store, vault, addresses, logger, now }
  const dispatch = openDispatch({ ...shared, functions, more })
  const ingress = openIngress({ ...shared, kafka })
  const { publicUrl } = settings
  const targets = dispatch.advice
  return {
    ingress,
    dispatch,
    streamTarget,
    moveTargetAddresses: () => moveTargetAddresses({ store, addresses }),
    service: {
      ingress: ingress.service,
      deliveries: findingHidden(store.deliveries, addresses),
      receivers: new StoredReceiverService({
        ...{ store, vault, addresses, catalog, publicUrl, targets, logger, now },
        changed: () => ingress.refresh(),
      }),
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([ingress, dispatch, topic].map((part) => part[Symbol.asyncDispose]()))
    },
  }
}
