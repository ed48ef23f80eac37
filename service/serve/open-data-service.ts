import type { Settings } from '../platform/config/settings.ts'
import { DataService } from '../platform/datasets/data-service.ts'

/** The Data service of the settings; undefined if they name none. */
export function openDataService(
  { dataUrl, dataApiKey }: Pick<Settings, 'dataUrl' | 'dataApiKey'>,
  now: () => number,
): DataService | undefined {
  if (dataUrl === undefined) return undefined
  return new DataService({ url: dataUrl, apiKey: dataApiKey, now })
}
