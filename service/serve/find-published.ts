import { keptList } from '../catalog/published/kept-list.ts'
import { fetchPublishedList } from '../catalog/published/published-list.ts'
import type { FindPublished } from '../catalog/search-connectors.ts'
import type { Settings } from '../platform/config/settings.ts'

/** A search does not wait longer for Airbyte's list. */
const limitMs = 20_000

/** How a search of the service finds the connectors that Airbyte publishes. */
export function findPublished(
  {
    airbyteRegistryUrl: registryUrl,
    allowedNetworks,
  }: Pick<Settings, 'airbyteRegistryUrl' | 'allowedNetworks'>,
  now: () => number,
): FindPublished {
  return keptList(() => {
    const signal = AbortSignal.timeout(limitMs)
    return fetchPublishedList({ registryUrl, allowedNetworks, signal })
  }, now)
}
