import type { FunctionsService } from '../../engine/run-types.ts'
import type { Settings } from '../platform/config/settings.ts'

/** The Functions service that the settings name; undefined if they name none. */
export function functionsService({
  functionsUrl: url,
  functionsApiKey: apiKey,
}: Settings): FunctionsService | undefined {
  return url === undefined ? undefined : { url, ...(apiKey !== undefined && { apiKey }) }
}
