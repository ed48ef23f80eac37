import {
  buildSchema,
  getNamedType,
  getNullableType,
  graphql,
  isEnumType,
  isListType,
  isNonNullType,
  isScalarType,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
} from 'graphql'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { LinearData } from './linear-data.ts'
import { rootOf } from './resolvers.ts'

export interface LinearRequest {
  readonly operation: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly authorization: string | undefined
}

export interface LinearAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: object
}

export const apiKey = 'lin_api_kit_secret'
export const linearSchema = buildSchema(
  readFileSync(new URL('schema.graphql', import.meta.url), 'utf8'),
)

const bodySchema = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).default({}),
})

/** Linear's API on loopback: a slice of its schema, with state, filters, paging, keys and refusals. */
export class LinearSimulator implements AsyncDisposable {
  readonly data = new LinearData()
  readonly requests: LinearRequest[] = []
  readonly accessTokens = new Set<string>()
  /** Those that were not used yet. */
  readonly refreshTokens = new Set<string>()
  readonly url: string
  readonly #planned: LinearAnswer[] = []
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
  }

  static async start(): Promise<LinearSimulator> {
    const server = createServer((request, response) => {
      simulator.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const simulator = new LinearSimulator(`http://127.0.0.1:${String(port)}`, async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    })
    return simulator
  }

  /** The next request gets this, once. */
  answerOnce(answer: LinearAnswer): void {
    this.#planned.push(answer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const {
      status,
      headers,
      body: answer,
    } = request.url === '/oauth/token'
      ? this.#refresh(new URLSearchParams(body))
      : await this.#execute(bodySchema.parse(JSON.parse(body)), request.headers.authorization)
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': `req-${String(this.requests.length)}`,
      'x-ratelimit-requests-remaining': '2400',
      'x-ratelimit-requests-reset': String(Date.parse(this.data.now) + 3_600_000),
      ...headers,
    })
    response.end(JSON.stringify(answer))
  }

  async #execute(
    { query, variables }: z.output<typeof bodySchema>,
    authorization: string | undefined,
  ): Promise<LinearAnswer> {
    const [, operation = ''] = /(?:query|mutation) (\w+)/.exec(query) ?? []
    this.requests.push({ operation, variables, authorization })
    const planned = this.#planned.shift()
    if (planned !== undefined) return planned
    if (!this.#isKnown(authorization)) return unauthenticated
    const result = await graphql({
      schema: linearSchema,
      source: query,
      variableValues: variables,
      rootValue: rootOf(this.data),
      fieldResolver: resolveField,
    })
    // A query that is not valid is refused as a whole.
    return { status: result.data === undefined ? 400 : 200, body: result }
  }

  /** A key comes as it is, the token of OAuth behind Bearer. */
  #isKnown(authorization = ''): boolean {
    const [, token] = /^Bearer (.+)$/.exec(authorization) ?? []
    return token === undefined ? authorization === apiKey : this.accessTokens.has(token)
  }

  #refresh(form: URLSearchParams): LinearAnswer {
    if (!this.refreshTokens.delete(form.get('refresh_token') ?? ''))
      return { status: 400, body: { error: 'invalid_grant' } }
    const number = String(this.accessTokens.size + 1)
    this.accessTokens.add(`access-${number}`)
    this.refreshTokens.add(`refresh-${number}`)
    return {
      status: 200,
      body: {
        access_token: `access-${number}`,
        refresh_token: `refresh-${number}`,
        token_type: 'Bearer',
        expires_in: 86_399,
        scope: 'read write',
      },
    }
  }
}

const unauthenticated: LinearAnswer = {
  status: 401,
  body: {
    errors: [
      {
        message: 'Authentication required, not authenticated',
        extensions: {
          type: 'authentication error',
          code: 'AUTHENTICATION_ERROR',
          userError: true,
          userPresentableMessage: 'You need to authenticate to access this operation.',
        },
      },
    ],
  },
}

/** https://linear.app/developers/rate-limiting */
export const rateLimited: LinearAnswer = {
  status: 400,
  headers: { 'retry-after': '1' },
  body: {
    errors: [
      { message: 'Rate limit exceeded', extensions: { type: 'ratelimited', code: 'RATELIMITED' } },
    ],
  },
}

const resolveField: GraphQLFieldResolver<unknown, unknown> = (source, args, _context, info) => {
  const value = (source as Readonly<Record<string, unknown>>)[info.fieldName]
  if (typeof value === 'function') return (value as (args: unknown) => unknown)(args)
  return value ?? (isNonNullType(info.returnType) ? emptyOf(info.returnType) : null)
}

/** For a field that a test leaves out. */
function emptyOf(type: GraphQLOutputType): unknown {
  if (isListType(getNullableType(type))) return []
  const named = getNamedType(type)
  if (isEnumType(named)) return named.getValues()[0]?.value
  if (!isScalarType(named)) return { id: 'none' }
  const empty = emptyScalars[named.name]
  return empty === undefined ? '' : empty
}

const emptyScalars: Readonly<Record<string, unknown>> = {
  Int: 0,
  Float: 0,
  Boolean: false,
  DateTime: '2026-01-01T00:00:00.000Z',
  JSONObject: {},
}
