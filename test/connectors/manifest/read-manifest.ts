import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { ConnectorContext } from '../../../connectors/connector.ts'
import { manifestConnector } from '../../../connectors/manifest/connector.ts'
import { ConnectError } from '../../../protocol/errors/connect-error.ts'
import type { ConfiguredAirbyteStream, JsonObject, JsonValue } from '../../../protocol/index.ts'
import { Collected, contextOf } from '../collected.ts'
import { newFolder } from '../../support/new-folder.ts'

export interface Answer {
  readonly status?: number
  readonly type?: string
  readonly body: string | Uint8Array
}

export interface ManifestApi extends AsyncDisposable {
  /** The URL of the API, with a slash at its end. */
  readonly base: string
  /** The requests that it got: path and query. */
  readonly urls: string[]
  /** Reads the first stream as a run does. Returns the output, its warnings, and the error that ended it. */
  read(options?: ReadOptions): Promise<{
    readonly out: Collected
    readonly warnings: readonly string[]
    readonly error: ConnectError | undefined
  }>
}

export interface ReadOptions {
  readonly sync?: Pick<ConfiguredAirbyteStream, 'sync_mode' | 'destination_sync_mode'>
  readonly state?: JsonValue | null
  readonly config?: JsonObject
}

/** A manifest in a file, and its API on a local port. */
export async function manifestApi(
  manifestOf: (url: string) => string,
  answer: (url: URL, count: number) => Answer,
): Promise<ManifestApi> {
  const urls: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    urls.push(url.pathname + url.search)
    const { status = 200, type = 'application/json', body } = answer(url, urls.length)
    response.writeHead(status, { 'content-type': type })
    response.end(status === 304 ? undefined : body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const base = `http://127.0.0.1:${String(port)}/`
  const folder = await newFolder('manifest')
  const file = join(folder, 'shop.yaml')
  await writeFile(file, manifestOf(base))
  const connector = manifestConnector('shop', file)
  return {
    base,
    urls,
    read: (options: ReadOptions = {}) => readFirst(connector, options),
    [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      return Promise.resolve()
    },
  }
}

async function readFirst(
  connector: ReturnType<typeof manifestConnector>,
  { sync, state = null, config = {} }: ReadOptions,
) {
  const warnings: string[] = []
  const context: ConnectorContext = {
    ...contextOf(undefined, (text) => warnings.push(text)),
    allowedNetworks: ['127.0.0.0/8'],
  }
  const [stream] = (await connector.discover(config, context)).streams
  if (stream === undefined) throw new Error('The manifest has no stream.')
  const cursor = stream.default_cursor_field
  const configured: ConfiguredAirbyteStream = {
    stream,
    sync_mode: 'incremental',
    destination_sync_mode: 'append',
    ...(cursor !== undefined && { cursor_field: cursor }),
    ...sync,
  }
  const out = new Collected(stream)
  const task = { config, stream: configured, slice: '', state, session: null }
  const error = await connector.read(task, out, context).then(
    () => undefined,
    (cause: unknown) => ConnectError.from(cause),
  )
  return { out, warnings, error }
}
