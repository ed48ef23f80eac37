import { fileURLToPath } from 'node:url'
import type { Connector } from '../connector.ts'
import { withCheckedConfig } from '../connector-config.ts'
import { httpConnector } from '../http/http-connector.ts'
import type { VendorApi } from '../http/vendor-api.ts'
import { loadManifestFile } from '../manifest/load-manifest-file.ts'
import { domainOf, isSandbox, organizationUrl } from './address.ts'
import { salesforceFailure } from './failure.ts'
import { salesforceOAuth } from './oauth.ts'

const api: VendorApi = {
  title: 'Salesforce',
  account: (config) => {
    const domain = domainOf(config)
    return { chosenBy: [domain], isNamed: domain.endsWith('.my.salesforce.com') }
  },
  dryRunLevel: ({ dryRun }, config) =>
    dryRun === 'native' && !isSandbox(config) ? 'synthesized' : dryRun,
  failure: salesforceFailure,
  // A session that has ended: nothing was done, and a new one is at hand.
  isTurnedAway: ({ status }) => status === 429 || status === 401,
}

/** Loads its manifest. */
export function salesforceConnector(): Connector {
  const manifest = new URL('streams/manifest.yaml', import.meta.url)
  const loaded = loadManifestFile(fileURLToPath(manifest))
  const http = httpConnector({
    type: 'salesforce',
    docsUrl: 'docs/connectors/salesforce.md',
    auth: [{ kind: 'api_key', field: 'private_key' }, salesforceOAuth],
    api,
    manifest,
    loadActions: async () => (await import('./actions/actions.ts')).salesforceActions,
    addressFields: ['/api_url', '/domain', '/instance_url'],
  })
  return withCheckedConfig({
    ...http,
    // The code below loads the interpreter, which a thread that only knows the connectors does not need.
    check: async (config, context) => (await import('./check.ts')).check(loaded, config, context),
    discover: async (config, context) =>
      (await import('./discover.ts')).discover(loaded, config, context),
    read: async (task, out, context) => {
      const { readObject } = await import('./streams/read-object.ts')
      return readObject(task, { loaded, out, context })
    },
    streams: () => Promise.resolve({ streams: [], generatesStreams: true }),
    writes: {
      account: organizationUrl,
      open: async (config, context) => {
        const { SalesforceWriter } = await import('./writes/salesforce-writer.ts')
        return new SalesforceWriter(await http.actions.open(config, context), context)
      },
    },
  })
}
