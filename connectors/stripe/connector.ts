import { fileURLToPath } from 'node:url'
import { isJsonObject } from '../../protocol/index.ts'
import type { Connector, ConnectorContext, ReadTask } from '../connector.ts'
import { httpConnector } from '../http/http-connector.ts'
import type { VendorApi } from '../http/vendor-api.ts'
import { loadManifestFile } from '../manifest/load-manifest-file.ts'
import { stripeFailure } from './failure.ts'
import { keptEventSeconds, listedStreams, objectStreams } from './streams/object-stream.ts'
import { isTestKey, keyMode } from './test-key.ts'
import { stripeWebhooks } from './webhooks.ts'

const api: VendorApi = {
  title: 'Stripe',
  idempotencyHeader: 'Idempotency-Key',
  account: (config) => {
    const { account_id: account = null } = config
    const mode = keyMode(config)
    return { chosenBy: [mode, account], isNamed: account !== null && mode !== null }
  },
  dryRunLevel: ({ dryRun }, config) =>
    dryRun === 'native' && !isTestKey(config) ? 'synthesized' : dryRun,
  failure: stripeFailure,
  requestId: ({ headers }) => headers.get('request-id'),
}

/** Loads its manifest. */
export function stripeConnector(): Connector {
  const manifest = new URL('streams/manifest.yaml', import.meta.url)
  const loaded = loadManifestFile(fileURLToPath(manifest))
  const streams = objectStreams(loaded.manifest)
  const listedByName = listedStreams(loaded.manifest)
  const http = httpConnector({
    type: 'stripe',
    docsUrl: 'docs/connectors/stripe.md',
    auth: [{ kind: 'api_key', field: 'api_key' }],
    webhooks: stripeWebhooks(loaded.manifest),
    api,
    manifest,
    loadActions: async () => (await import('./actions/actions.ts')).stripeActions,
  })
  return {
    ...http,
    read: async (task, out, context) => {
      const objects = streams.get(task.stream.stream.name)
      const listed = listedByName.get(task.stream.stream.name)
      if (listed !== undefined) {
        const { readWhole } = await import('./streams/read-whole.ts')
        return readWhole(task, { interpreted: http, loaded, listed, out, context })
      }
      if (objects === undefined) {
        warnOfLostEvents(task, context)
        return http.read(task, out, context)
      }
      // It loads the interpreter, which a thread that only knows the connectors does not need.
      const { readObjects } = await import('./streams/read-objects.ts')
      return readObjects(task, { loaded, objects, out, context })
    },
    events: {
      streams: new Set(streams.keys()),
      read: async (task, out, context) => {
        const { name } = task.stream.stream
        const objects = streams.get(name)
        if (objects === undefined) throw new TypeError(`no event carries a record of ${name}`)
        const { readEvents } = await import('./streams/read-events.ts')
        return readEvents(task, { loaded, objects, out, context })
      },
    },
  }
}

/** The stream `events` itself cannot be read in full again. */
function warnOfLostEvents({ stream, state }: ReadTask, context: ConnectorContext): void {
  if (stream.stream.name !== 'events' || !isJsonObject(state)) return
  const last = Number(state.created)
  const kept = context.now() / 1000 - keptEventSeconds
  if (!(last < kept)) return
  const [from, to] = [last, kept].map((seconds) => new Date(seconds * 1000).toISOString())
  context.warn?.(
    `Stripe keeps events for 30 days, and this stream was last read up to ${from ?? ''}: events from then until ${to ?? ''}, if there were any, are missing. Read it at least once in 30 days.`,
  )
}
