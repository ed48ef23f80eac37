import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface ScriptedAnswer {
  /** cut: the connection is closed without a response. silent: nothing comes. */
  readonly status: number | 'cut' | 'silent'
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A server on loopback that gives the responses of a list, one after the other, and records the requests. */
export interface ScriptedService extends AsyncDisposable {
  readonly url: string
  readonly seen: readonly SeenRequest[]
}

export async function scriptedService(
  answers: readonly ScriptedAnswer[],
): Promise<ScriptedService> {
  const open = [...answers]
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const { method = '', url = '', headers } = request
      seen.push({ method, path: url, headers, body })
      const answer = open.shift() ?? { status: 500, body: 'nothing is left to answer' }
      if (answer.status === 'silent') return
      if (answer.status === 'cut') request.socket.destroy()
      else response.writeHead(answer.status, answer.headers).end(answer.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${String(port)}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
