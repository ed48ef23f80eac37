import { ConnectError, type AirbyteCatalog, type JsonObject } from '../../protocol/index.ts'
import type { ConnectorContext } from '../connector.ts'
import type { LoadedManifest } from '../manifest/load-manifest-file.ts'
import { describeObjects, objectNames, streamOf } from './streams/objects.ts'
import { SalesforceApi, SalesforceRefusal } from './streams/salesforce-api.ts'

/** A stream for each object that the user can query. One call for 25 objects. */
export async function discover(
  loaded: LoadedManifest,
  config: JsonObject,
  context: ConnectorContext,
): Promise<AirbyteCatalog> {
  await using api = new SalesforceApi({ loaded, config, context })
  try {
    const names = await objectNames(api, config)
    const objects = await describeObjects(api, names)
    const unseen = names.filter((_name, place) => objects[place] === undefined)
    if (config.objects !== undefined && unseen.length > 0) throw unknownObjects(unseen)
    const streams = objects.flatMap((object) => (object && streamOf(object)) ?? [])
    return { streams }
  } catch (error) {
    if (!(error instanceof SalesforceRefusal)) throw error
    const details = { subject: 'Salesforce', reason: error.message }
    throw new ConnectError('source_refused', { details })
  }
}

function unknownObjects(names: readonly string[]): ConnectError {
  const problems = `\`objects\`: the user sees no ${names.join(', ')}; correct the API names, or give it a permission set that reads them`
  return new ConnectError('source_config_invalid', {
    details: { connector: 'salesforce', problems },
  })
}
