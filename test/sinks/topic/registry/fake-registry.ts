import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../../../protocol/index.ts'

export interface AskedRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly body: JsonObject | undefined
}

export interface FakeRegistry extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly AskedRequest[]
  /** The responses to the next requests, before any other; `cut` closes the connection. */
  readonly scripted: (Reply | 'cut')[]
  /** Subjects whose new schemas fit no older one. */
  readonly strict: Set<string>
  /** The texts of all schemas: that with the id 1 comes first. */
  readonly schemas: readonly string[]
  /** As if it were started again without its storage: its ids begin at 1 again. */
  lose(): void
  /** How long each response takes. */
  delayMs: number
}

export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * A server that follows the published API of Confluent's Schema Registry (docs.confluent.io, "Schema Registry
 * API Reference"): subjects, versions, compatibility, config, with its error codes.
 */
export async function startFakeRegistry(): Promise<FakeRegistry> {
  const requests: AskedRequest[] = []
  const scripted: (Reply | 'cut')[] = []
  const strict = new Set<string>()
  const subjects = new Map<string, string[]>()
  const ids: string[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const asked = await askedIn(request)
      requests.push(asked)
      await delay(registry.delayMs)
      const reply = scripted.shift() ?? replyTo(asked, { subjects, ids, strict })
      if (reply === 'cut') {
        request.socket.destroy()
        return
      }
      response.writeHead(reply.status, {
        'content-type': 'application/vnd.schemaregistry.v1+json',
        ...reply.headers,
      })
      response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  const registry: FakeRegistry = {
    url: `http://127.0.0.1:${String(address.port)}/registry/`,
    requests,
    scripted,
    strict,
    schemas: ids,
    lose: () => {
      subjects.clear()
      ids.length = 0
    },
    delayMs: 0,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return registry
}

async function askedIn(request: IncomingMessage): Promise<AskedRequest> {
  const body = await text(request)
  return {
    method: request.method ?? '',
    path: (request.url ?? '').replace(/^\/registry/, ''),
    authorization: request.headers.authorization,
    body: body === '' ? undefined : (JSON.parse(body) as JsonObject),
  }
}

interface State {
  readonly subjects: Map<string, string[]>
  readonly ids: string[]
  readonly strict: ReadonlySet<string>
}

function replyTo({ method, path, body }: AskedRequest, { subjects, ids, strict }: State): Reply {
  const [, first, ...rest] = path.split('?')[0]?.split('/').map(decodeURIComponent) ?? []
  if (first === 'config') return { status: 200, body: { compatibilityLevel: 'BACKWARD' } }
  if (first === 'compatibility') return compare(rest[1] ?? '', { subjects, strict })
  if (first !== 'subjects')
    return { status: 404, body: { error_code: 404, message: 'HTTP 404 Not Found' } }
  return replyOfSubjects(rest, { method, body }, { subjects, ids, strict })
}

function replyOfSubjects(
  [subject, versions]: readonly string[],
  { method, body }: Pick<AskedRequest, 'method' | 'body'>,
  { subjects, ids, strict }: State,
): Reply {
  if (subject === undefined) return { status: 200, body: [...subjects.keys()] }
  if (method === 'GET') return latestOf(subject, { subjects, ids })
  const schema = typeof body?.schema === 'string' ? body.schema : ''
  return versions === undefined
    ? lookUp(subject, schema, { subjects, ids })
    : register(subject, schema, { subjects, ids, strict })
}

function compare(subject: string, { subjects, strict }: Omit<State, 'ids'>): Reply {
  if (!subjects.has(subject))
    return { status: 404, body: { error_code: 40401, message: 'Subject not found' } }
  const isStrict = strict.has(subject)
  const messages = isStrict ? ['field c is of another type'] : []
  return { status: 200, body: { is_compatible: !isStrict, messages } }
}

function latestOf(subject: string, { subjects, ids }: Omit<State, 'strict'>): Reply {
  const schema = subjects.get(subject)?.at(-1)
  if (schema === undefined)
    return { status: 404, body: { error_code: 40401, message: 'Subject not found' } }
  return { status: 200, body: { subject, id: ids.indexOf(schema) + 1, version: 1, schema } }
}

function lookUp(subject: string, schema: string, { subjects, ids }: Omit<State, 'strict'>): Reply {
  const held = subjects.get(subject)
  if (held === undefined)
    return { status: 404, body: { error_code: 40401, message: 'Subject not found' } }
  if (!held.includes(schema))
    return { status: 404, body: { error_code: 40403, message: 'Schema not found' } }
  return { status: 200, body: { subject, id: ids.indexOf(schema) + 1, version: 1, schema } }
}

function register(subject: string, schema: string, { subjects, ids, strict }: State): Reply {
  const held = subjects.get(subject)
  if (held !== undefined && strict.has(subject)) {
    return {
      status: 409,
      body: { error_code: 409, message: 'Schema being registered is incompatible' },
    }
  }
  subjects.set(subject, [...(held ?? []), schema])
  if (!ids.includes(schema)) ids.push(schema)
  return { status: 200, body: { id: ids.indexOf(schema) + 1 } }
}
