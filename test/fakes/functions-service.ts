import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A Functions service on loopback, with functions that transform records. */
export interface FunctionsServer extends AsyncDisposable {
  readonly url: string
  readonly apiKey: string
  readonly calls: readonly FunctionCall[]
  /** How many requests there were at the same time, at most. */
  mostAtOnce(): number
}

export interface FunctionCall {
  /** The name of the function. */
  readonly name: string
  /** The request as it came. */
  readonly text: string
  /** Its number, from 1. */
  readonly number: number
}

export interface FunctionResponse {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** Returns the response, or undefined for none at all: the connection is closed. */
export type CalledFunction = (
  call: FunctionCall,
) => Promise<FunctionResponse | undefined> | FunctionResponse | undefined

export const functionsKey = 'functions-key-6Tq1vP'

export async function functionsServer(called: CalledFunction): Promise<FunctionsServer> {
  const calls: FunctionCall[] = []
  let atOnce = 0
  let most = 0
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const name = /^\/v1\/functions\/([\w-]+)$/.exec(request.url ?? '')?.[1]
    const body = await text(request)
    if (request.method !== 'POST' || name === undefined) {
      response.writeHead(404).end()
      return
    }
    if (request.headers.authorization !== `Bearer ${functionsKey}`) {
      response.writeHead(401).end()
      return
    }
    const call = { name, text: body, number: calls.length + 1 }
    calls.push(call)
    const answer = await called(call)
    if (answer === undefined) {
      request.socket.destroy()
      return
    }
    response.writeHead(answer.status ?? 200, {
      'content-type': 'application/json',
      ...answer.headers,
    })
    response.end(answer.body)
  }
  const server = createServer((request, response) => {
    atOnce += 1
    most = Math.max(most, atOnce)
    response.on('close', () => {
      atOnce -= 1
    })
    serve(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${String(port)}`,
    apiKey: functionsKey,
    calls,
    mostAtOnce: () => most,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A function that works on plain values: for records whose numbers JavaScript can hold. */
export function mapping(
  change: (record: Record<string, unknown>) => Record<string, unknown> | string | null,
): CalledFunction {
  return ({ text: body }) => {
    const { records } = JSON.parse(body) as { records: Record<string, unknown>[] }
    const results = records.map((record) => {
      const changed = change(record)
      return typeof changed === 'string' ? { reject: changed } : { record: changed }
    })
    return { body: JSON.stringify({ results }) }
  }
}

/** A function that returns each record as it came, byte by byte. */
export const unchanged: CalledFunction = ({ text: body }) => {
  const records = topLevelObjects(body.slice(body.indexOf('"records":[') + 11, -2))
  return { body: `{"results":[${records.map((record) => `{"record":${record}}`).join(',')}]}` }
}

/** The texts of objects in a list. */
function topLevelObjects(list: string): readonly string[] {
  const objects: string[] = []
  let depth = 0
  let start = 0
  for (const { 0: token, index } of list.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{' && depth++ === 0) start = index
    else if (token === '}' && --depth === 0) objects.push(list.slice(start, index + 1))
  }
  return objects
}
