import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface ReceivedRequest {
  readonly path: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface HandlerServer extends AsyncDisposable {
  readonly url: string
  readonly requests: ReceivedRequest[]
}

type Respond = (response: ServerResponse, request: ReceivedRequest) => unknown

/** A program of somebody who wants events. */
export async function handlerServer(
  respond: Respond = (response) => response.writeHead(204).end(),
): Promise<HandlerServer> {
  const requests: ReceivedRequest[] = []
  const server = createServer((request, response) => {
    void buffer(request).then(
      (body) => {
        const { url: path = '', method = '', headers } = request
        const received = { path, method, headers, body }
        requests.push(received)
        respond(response, received)
      },
      () => undefined, // it was aborted
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${String(port)}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
