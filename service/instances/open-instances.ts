import { openSourceThreads, type SourceThreads } from '../../engine/threads/source-threads.ts'
import { InstanceOAuth } from '../oauth/instance-oauth.ts'
import type { InstanceService, LostSecrets } from './contract.ts'
import { StoredInstanceService } from './instance-service.ts'
import type { InstancesOptions } from './instances-options.ts'

/** How many sources are checked or discovered at the same time; others wait. */
const sourceThreads = 4

/** The instances with their own dependencies: OAuth, and threads to query sources in. */
export interface OpenInstances extends AsyncDisposable {
  readonly service: InstanceService
  /** See `StoredInstanceService.noteLostSecrets`. */
  readonly noteLostSecrets: () => Promise<LostSecrets>
}

export interface OpenInstancesOptions extends Omit<InstancesOptions, 'oauth' | 'sources'> {
  /** Disposed of with the instances. Default: threads of their own. */
  readonly sources?: SourceThreads
}

export function openInstances(options: OpenInstancesOptions): OpenInstances {
  const { store, vault, catalog, allowedNetworks, callbackUrl, logger, now } = options
  const oauth = new InstanceOAuth({
    store,
    vault,
    allowedNetworks,
    callbackUrl,
    ...(now !== undefined && { now }),
    find: async (name) => {
      const { id, type, config } = await store.instances.get(name)
      const { descriptor } = await catalog.connector(type)
      return { id, name, config, descriptor }
    },
  })
  const sources = options.sources ?? openSourceThreads({ threads: sourceThreads, logger })
  const service = new StoredInstanceService({ ...options, oauth, sources })
  return {
    service,
    noteLostSecrets: () => service.noteLostSecrets(),
    async [Symbol.asyncDispose]() {
      await Promise.all([sources[Symbol.asyncDispose](), oauth[Symbol.asyncDispose]()])
    },
  }
}
