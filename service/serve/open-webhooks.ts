import type { Logger } from 'pino'
import type { FolderCatalogService } from '../catalog/catalog-service.ts'
import type { Settings } from '../platform/config/settings.ts'
import type { Vault } from '../platform/vault/vault.ts'
import type { KafkaPlace } from '../run-worker/log-config.ts'
import type { Service } from '../service.ts'
import type { Store } from '../store/store.ts'
import { openDispatch, type OpenDispatch } from '../webhooks/dispatch/open-dispatch.ts'
import { openIngress, type OpenIngress } from '../webhooks/ingress/open-ingress.ts'
import { StoredReceiverService } from '../webhooks/receivers/receiver-service.ts'

export interface WebhookDependencies {
  readonly settings: Settings
  readonly store: Store
  readonly vault: Vault
  readonly catalog: FolderCatalogService
  readonly kafka: KafkaPlace | undefined
  readonly logger: Logger
  readonly now: () => number
}

export interface OpenWebhooks extends AsyncDisposable {
  readonly service: Pick<Service, 'ingress' | 'receivers' | 'deliveries'>
  readonly ingress: OpenIngress
  readonly dispatch: OpenDispatch
}

/** Receivers, what comes in, and where it goes. */
export function openWebhooks(dependencies: WebhookDependencies): OpenWebhooks {
  const { settings, store, vault, catalog, kafka, logger, now } = dependencies
  const dispatch = openDispatch({ settings, store, vault, logger, now })
  const ingress = openIngress({ settings, store, vault, kafka, logger, now })
  const { publicUrl } = settings
  const targets = dispatch.advice
  return {
    ingress,
    dispatch,
    service: {
      ingress: ingress.service,
      deliveries: store.deliveries,
      receivers: new StoredReceiverService({
        ...{ store, vault, catalog, publicUrl, targets, logger, now },
      }),
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([ingress, dispatch].map((part) => part[Symbol.asyncDispose]()))
    },
  }
}
