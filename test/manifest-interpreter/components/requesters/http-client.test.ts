import { describe, expect, it } from 'vitest'
import { defaultErrorHandler } from '../../../../manifest-interpreter/components/requesters/error-handlers/default-error-handler.ts'
import { HttpClient } from '../../../../manifest-interpreter/components/requesters/http-client.ts'
import {
  SourceError,
  type Authenticator,
  type ResponseAction,
} from '../../../../manifest-interpreter/contracts.ts'
import { prepareRequest, setHeader } from '../../../../manifest-interpreter/http/prepare-request.ts'
import { scriptedSource, type Answer, type ScriptedSource } from './scripted-source.ts'

const nothing = { headers: {}, params: {}, bodyData: {}, bodyJson: {} }

/** A bearer token that counts how often it was refreshed. */
function tokenAuthenticator(refresh: () => Promise<void>): Authenticator & { token: number } {
  const authenticator = {
    token: 1,
    options: () =>
      Promise.resolve({
        ...nothing,
        headers: { Authorization: `Bearer ${String(authenticator.token)}` },
      }),
    authenticate: (request: Parameters<Authenticator['authenticate']>[0]) => {
      setHeader(request.headers, 'Authorization', `Bearer ${String(authenticator.token)}`)
      return Promise.resolve()
    },
    refresh: async () => {
      await refresh()
      authenticator.token += 1
    },
  }
  return authenticator
}

function client(
  authenticator: Authenticator,
  action: ResponseAction,
  answers: readonly Answer[],
): { readonly source: ScriptedSource; readonly send: () => Promise<unknown> } {
  const source = scriptedSource(answers)
  const { builder, context } = source
  const built = new HttpClient({
    environment: builder.environment,
    http: builder.http,
    authenticator,
    errorHandler: defaultErrorHandler(
      {
        type: 'DefaultErrorHandler',
        response_filters: [{ type: 'HttpResponseFilter', http_codes: [401, 429], action }],
        backoff_strategies: [{ type: 'ConstantBackoffStrategy', backoff_time_in_seconds: 60 }],
      },
      builder,
      context,
    ),
    sendOptions: { cacheName: undefined, aheadBytes: () => Number.POSITIVE_INFINITY },
  })
  const request = (): ReturnType<typeof prepareRequest> =>
    prepareRequest({ method: 'GET', url: 'https://api.test/x', headers: {}, params: {} })
  return { source, send: () => built.send(request(), 'items') }
}

function sentTokens({ sent }: ScriptedSource): (string | undefined)[] {
  return sent.map(({ headers }) => headers.get('Authorization'))
}

describe('a request that was refused for its token', () => {
  it('is sent again with a new one', async () => {
    const authenticator = tokenAuthenticator(() => Promise.resolve())
    const { source, send } = client(authenticator, 'REFRESH_TOKEN_THEN_RETRY', [
      { status: 401 },
      { status: 200 },
    ])
    expect(await send()).toMatchObject({ status: 200 })
    expect(sentTokens(source)).toEqual(['Bearer 1', 'Bearer 2'])
    expect(source.waits).toEqual([61])
  })

  it('and refused again is an error of the configuration', async () => {
    const authenticator = tokenAuthenticator(() => Promise.resolve())
    const { source, send } = client(authenticator, 'REFRESH_TOKEN_THEN_RETRY', [{ status: 401 }])
    await expect(send()).rejects.toMatchObject({
      message:
        'Refreshed OAuth access token is rejected by the API. GET https://api.test/x was answered with status 401.',
      failureType: 'config_error',
    })
    expect(source.sent).toHaveLength(2)
    expect(authenticator.token).toBe(2)
  })

  it('and whose token could not be refreshed is a transient error', async () => {
    const authenticator = tokenAuthenticator(() => Promise.reject(new Error('offline')))
    const { send } = client(authenticator, 'REFRESH_TOKEN_THEN_RETRY', [{ status: 401 }])
    await expect(send()).rejects.toMatchObject({
      message:
        'API rejects the current OAuth access token and the token refresh failed. GET https://api.test/x was answered with status 401.',
      failureType: 'transient_error',
    })
  })

  it('is not sent again where the token endpoint refuses the credentials', async () => {
    const refused = new SourceError('Sign in again.', { failureType: 'config_error' })
    const { source, send } = client(
      tokenAuthenticator(() => Promise.reject(refused)),
      'REFRESH_TOKEN_THEN_RETRY',
      [{ status: 401 }],
    )
    await expect(send()).rejects.toBe(refused)
    expect(source.sent).toHaveLength(1)
  })

  it('does not refresh a token that another request has refreshed', async () => {
    let refreshed = 0
    const authenticator = tokenAuthenticator(() => {
      refreshed += 1
      return Promise.resolve()
    })
    const racing: Authenticator = {
      ...authenticator,
      authenticate: async (request) => {
        await authenticator.authenticate(request)
        // As if another request refreshed it while this one is under way.
        if (authenticator.token === 1) authenticator.token = 7
      },
    }
    const { source, send } = client(racing, 'REFRESH_TOKEN_THEN_RETRY', [
      { status: 401 },
      { status: 200 },
    ])
    expect(await send()).toMatchObject({ status: 200 })
    expect(sentTokens(source)).toEqual(['Bearer 1', 'Bearer 7'])
    expect(refreshed).toBe(0)
  })
})

describe('a rate limit of one credential', () => {
  it('is not waited for where another one can be used', async () => {
    const rotating: Authenticator = {
      options: () => Promise.resolve(nothing),
      authenticate: () => Promise.resolve(),
      hasAlternative: () => true,
    }
    const { source, send } = client(rotating, 'RATE_LIMITED', [{ status: 429 }, { status: 200 }])
    expect(await send()).toMatchObject({ status: 200 })
    expect(source.waits).toEqual([1.1])
  })

  it('is learned from each response of the API', async () => {
    const seen: number[] = []
    const learning: Authenticator = {
      options: () => Promise.resolve(nothing),
      authenticate: () => Promise.resolve(),
      observe: (_, { status }) => {
        seen.push(status)
        throw new TypeError('Keeping the books failed.')
      },
    }
    const { send } = client(learning, 'RETRY', [{ status: 429 }, { status: 200 }])
    expect(await send()).toMatchObject({ status: 200 })
    expect(seen).toEqual([429, 200])
  })
})

describe('an environment in which somebody waits', () => {
  it.each([
    ['ends the retries after so many seconds', 500, 4, 10],
    ['does not end the waits of a rate limit', 429, 5, 31],
  ])('%s', async (_, status, waits, seconds) => {
    const source = scriptedSource([{ status }])
    const { builder, context } = source
    const built = new HttpClient({
      environment: { ...builder.environment, maxRetrySeconds: 10 },
      http: builder.http,
      authenticator: tokenAuthenticator(() => Promise.resolve()),
      errorHandler: defaultErrorHandler({ type: 'DefaultErrorHandler' }, builder, context),
      sendOptions: { cacheName: undefined, aheadBytes: () => Number.POSITIVE_INFINITY },
    })
    const request = prepareRequest({
      method: 'GET',
      url: 'https://api.test/x',
      headers: {},
      params: {},
    })
    await expect(built.send(request, 'items')).rejects.toThrow(SourceError)
    expect(source.waits).toHaveLength(waits)
    expect(source.waits.reduce((sum, wait) => sum + wait)).toBeCloseTo(seconds, 1)
  })
})
