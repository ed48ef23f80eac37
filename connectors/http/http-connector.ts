import { fileURLToPath } from 'node:url'
import type { Action } from '../action.ts'
import { withCheckedConfig } from '../connector-config.ts'
import type {
  Connector,
  ConnectorActions,
  ConnectorDescriptor,
  ConnectorStreams,
} from '../connector.ts'
import type { DryRunLevel } from '../descriptor-schema.ts'
import { manifestConnector } from '../manifest/connector.ts'
import { loadManifestFile } from '../manifest/load-manifest-file.ts'
import { showRequest, withKey } from './action-request.ts'
import type { VendorApi } from './vendor-api.ts'

export interface HttpConnectorOptions extends Pick<
  ConnectorDescriptor,
  'type' | 'docsUrl' | 'auth'
> {
  /** Default: none. */
  readonly webhooks?: ConnectorDescriptor['webhooks']
  readonly api: VendorApi
  /**
   * The streams, the configuration, and the `requester` in `definitions` by whose rules actions are sent too.
   */
  readonly manifest: URL
  readonly loadActions: () => Promise<readonly Action[]>
  /**
   * Registers the components in TypeScript that the manifest names. Called before each use of the streams.
   */
  readonly loadComponents?: () => Promise<void>
  /** Default: the fields that the manifest's templates use. */
  readonly addressFields?: readonly string[]
}

type HttpConnector = Connector & { readonly actions: ConnectorActions }

/**
 * A connector of an HTTP API: its streams are a manifest, its actions are written in TypeScript. It refuses a
 * configuration that the manifest's specification does not accept.
 */
export function httpConnector(options: HttpConnectorOptions): HttpConnector {
  const { api, type, docsUrl, auth, webhooks = [], addressFields } = options
  const path = fileURLToPath(options.manifest)
  const streams = withComponents(manifestConnector(type, path), options.loadComponents)
  const actions = actionsOf(options, path)
  const checked = withCheckedConfig({
    ...streams,
    descriptor: {
      ...streams.descriptor,
      ...{ title: api.title, docsUrl, auth, webhooks },
      needsCredentials: auth.length > 0 && auth.every(({ kind }) => kind !== 'none'),
      ...(addressFields !== undefined && { addressFields: () => addressFields }),
    },
    actions,
  })
  return { ...checked, actions }
}

function withComponents(connector: Connector, load: (() => Promise<void>) | undefined): Connector {
  if (load === undefined) return connector
  return {
    ...connector,
    check: (config, context) => load().then(() => connector.check(config, context)),
    discover: (config, context) => load().then(() => connector.discover(config, context)),
    read: (task, out, context) => load().then(() => connector.read(task, out, context)),
    streams: () => load().then(() => connector.streams?.() ?? noStreams),
  }
}

const noStreams: ConnectorStreams = { streams: [], generatesStreams: false }

function actionsOf({ api, loadActions }: HttpConnectorOptions, path: string): ConnectorActions {
  return {
    load: loadActions,
    preview: (call, config, options) => {
      const request = withKey(call.plan(config), api, options)
      const level =
        api.dryRunLevel?.(call.descriptor, config) ?? withoutTestMode(call.descriptor.dryRun)
      return { level, request: showRequest(request, api.authorization?.(config) ?? 'Bearer ***') }
    },
    account: (config) => api.account?.(config) ?? { chosenBy: null, isNamed: false },
    // The interpreter is loaded when the first action is sent.
    open: async (config, context) => {
      const { HttpActionClient } = await import('./action-client.ts')
      return new HttpActionClient(api, { config, context, loaded: loadManifestFile(path) })
    },
  }
}

/** Without a test mode of the vendor. */
function withoutTestMode(level: DryRunLevel): DryRunLevel {
  return level === 'native' ? 'synthesized' : level
}
