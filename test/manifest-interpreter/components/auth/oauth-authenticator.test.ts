import { describe, expect, it } from 'vitest'
import { TransportError } from '../../../../manifest-interpreter/contracts.ts'
import {
  jsonResponse,
  simulatedEnvironment,
  type Api,
} from '../../support/simulated-environment.ts'
import { copyDict } from '../../../../manifest-interpreter/components/transformations/copy-value.ts'
import { simulatedBuilder } from '../../support/simulated-builder.ts'
import type {
  Authenticator,
  Environment,
  HttpRequest,
} from '../../../../manifest-interpreter/contracts.ts'
import type { Dict, PlainDict } from '../../../../manifest-interpreter/value/value.ts'

const config = { client_id: 'cid', client_secret: 'csec', refresh_token: 'rtok' }
const basic = {
  type: 'OAuthAuthenticator',
  token_refresh_endpoint: 'https://auth.test/token',
  client_id: "{{ config['client_id'] }}",
  client_secret: "{{ config['client_secret'] }}",
  refresh_token: "{{ config['refresh_token'] }}",
}
const grant: Api = (_, count) => jsonResponse({ access_token: `tok-${count}`, expires_in: 3600 })

function build(definition: PlainDict, api: Api = grant, settings: Dict = config) {
  return buildIn(simulatedEnvironment(api), definition, settings)
}

function buildIn<Context extends Environment>(
  environment: Context,
  definition: PlainDict,
  settings: Dict,
) {
  const builder = simulatedBuilder(environment, { config: settings })
  const authenticator = builder.build('authenticator', definition, { streamName: 'items' })
  return { authenticator, builder, environment }
}

async function authorization(authenticator: Authenticator): Promise<unknown> {
  const { headers } = await authenticator.options()
  return Object.entries(headers)
}

const bearer = (token: string) => [['Authorization', `Bearer ${token}`]]
const bodies = (requests: readonly HttpRequest[]) => requests.map(({ body }) => body)

describe('OAuthAuthenticator', () => {
  it.each<[string, PlainDict, string | null]>([
    [
      'a refresh token',
      basic,
      'grant_type=refresh_token&client_id=cid&client_secret=csec&refresh_token=rtok',
    ],
    [
      'client credentials and scopes',
      { ...basic, refresh_token: null, grant_type: 'client_credentials', scopes: ['a', 'b'] },
      'grant_type=client_credentials&client_id=cid&client_secret=csec&scopes=a&scopes=b',
    ],
    [
      'other names and fields of its own, which do not replace the standard ones',
      {
        ...basic,
        client_id_name: 'app',
        client_secret_name: 'sec',
        grant_type_name: 'gt',
        refresh_token_name: 'rt',
        refresh_request_body: { x: "{{ config['client_id'] }}", gt: 'no' },
      },
      'gt=refresh_token&app=cid&sec=csec&rt=rtok&x=cid',
    ],
    [
      'no client credentials where a header has them',
      { ...basic, refresh_request_headers: { Authorization: 'Basic x' } },
      'grant_type=refresh_token&refresh_token=rtok',
    ],
  ])('sends %s', async (_, definition, body) => {
    const { authenticator, environment } = build(definition)
    expect(await authorization(authenticator)).toEqual(bearer('tok-1'))
    expect(bodies(environment.requests)).toEqual([body])
    expect(environment.requests[0]?.headers.get('Content-Type')).toBe(
      'application/x-www-form-urlencoded',
    )
  })

  it('sends its fields in the query where the manifest says so', async () => {
    const { authenticator, environment } = build({
      ...basic,
      send_refresh_request_as_query_params: true,
    })
    await authorization(authenticator)
    expect(environment.requests).toMatchObject([
      {
        url: 'https://auth.test/token?grant_type=refresh_token&client_id=cid&client_secret=csec&refresh_token=rtok',
        body: null,
      },
    ])
    expect(environment.requests[0]?.headers.size).toBe(0)
  })

  it('sends a signed assertion in the place of credentials', async () => {
    const { authenticator, environment } = build({
      type: 'OAuthAuthenticator',
      token_refresh_endpoint: 'https://auth.test/token',
      use_profile_assertion: true,
      profile_assertion: { type: 'JwtAuthenticator', secret_key: 's', algorithm: 'HS256' },
    })
    await authorization(authenticator)
    expect(bodies(environment.requests)[0]).toMatch(
      /^grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ[\w.-]+$/,
    )
  })

  it('asks for one token, however many requests wait for it, and again when it has expired', async () => {
    const { authenticator, environment } = build(basic)
    const both = await Promise.all([authorization(authenticator), authorization(authenticator)])
    expect(both).toEqual([bearer('tok-1'), bearer('tok-1')])
    environment.advance(3601)
    expect(await authorization(authenticator)).toEqual(bearer('tok-2'))
    expect(environment.requests).toHaveLength(2)
  })

  it('keeps a token for an hour where the endpoint tells no expiry', async () => {
    const { authenticator, environment } = build(basic, (_, count) =>
      jsonResponse({ access_token: `tok-${count}` }),
    )
    await authorization(authenticator)
    environment.advance(3599)
    expect(await authorization(authenticator)).toEqual(bearer('tok-1'))
    environment.advance(2)
    expect(await authorization(authenticator)).toEqual(bearer('tok-2'))
  })

  it('uses the access token of the configuration until its date', async () => {
    const { authenticator, environment } = build({
      ...basic,
      access_token_value: 'given',
      token_expiry_date: '2025-03-01T00:10:00Z',
    })
    expect(await authorization(authenticator)).toEqual(bearer('given'))
    environment.advance(601)
    expect(await authorization(authenticator)).toEqual(bearer('tok-1'))
  })

  it('asks again after failures that may pass', async () => {
    const { authenticator, environment } = build(basic, (_, count) => {
      if (count === 1) return jsonResponse({}, { status: 503 })
      if (count === 2) return new TransportError('connection', 'refused')
      return jsonResponse({ access_token: 'late', expires_in: '60' })
    })
    expect(await authorization(authenticator)).toEqual(bearer('late'))
    expect(environment.waits).toHaveLength(2)
  })

  it('gives up a network that stays broken, as a failure that may pass', async () => {
    const { authenticator, environment } = build(basic, () => {
      environment.advance(100)
      return new TransportError('timeout', 'too slow')
    })
    await expect(authorization(authenticator)).rejects.toMatchObject({
      failureType: 'transient_error',
      message: 'OAuth access token refresh request failed due to a network error.',
    })
    expect(environment.requests).toHaveLength(4)
  })

  it('tells the user to log in again where the refresh token is refused, without secrets', async () => {
    const { authenticator } = build(basic, () =>
      jsonResponse(
        {
          error: 'invalid_grant',
          error_description: 'AADSTS50173: rtok and csec were revoked at 10:00',
        },
        { status: 400 },
      ),
    )
    await expect(authorization(authenticator)).rejects.toMatchObject({
      failureType: 'config_error',
      message:
        "Refresh token was rejected by the OAuth provider (invalid, expired, or already used). Re-authenticate this source's credentials in its connection settings. Provider error: invalid_grant: AADSTS50173",
      internalMessage:
        'Refresh token rejected by the OAuth token endpoint. HTTP 400: {"error":"invalid_grant","error_description":"AADSTS50173: *** and *** were revoked at 10:00"}',
    })
  })

  it('sees errors with status 200, if the rules name that status: a refusal ends it, another error passes', async () => {
    const definition = {
      ...basic,
      refresh_token_error_status_codes: [200, 400],
      refresh_token_error_key: 'error',
      refresh_token_error_values: ['invalid_refresh_token'],
    }
    const failing =
      (error: string): Api =>
      (request, count) =>
        count === 1 ? jsonResponse({ ok: false, error }) : grant(request, count)
    const refused = build(definition, failing('invalid_refresh_token'))
    await expect(authorization(refused.authenticator)).rejects.toMatchObject({
      failureType: 'config_error',
    })
    const { authenticator } = build(definition, failing('internal_error'))
    expect(await authorization(authenticator)).toEqual(bearer('tok-2'))
  })

  it('fails where the answer has no token', async () => {
    const { authenticator } = build(basic, () => jsonResponse({ nope: 1 }))
    await expect(authorization(authenticator)).rejects.toThrow(
      'Token refresh API response was missing access token access_token',
    )
  })

  it('renews a token that the API has refused, once for all requests that were refused', async () => {
    const { authenticator, environment } = build(basic)
    await authorization(authenticator)
    await Promise.all([authenticator.refresh?.(), authenticator.refresh?.()])
    expect(await authorization(authenticator)).toEqual(bearer('tok-2'))
    expect(environment.requests).toHaveLength(2)
  })

  it('tells a refused renewal apart from one that failed', async () => {
    const statuses = [401, 500]
    for (const status of statuses) {
      const { authenticator, environment } = build(basic, () => {
        environment.advance(301)
        return jsonResponse({}, { status })
      })
      await expect(authenticator.refresh?.()).rejects.toMatchObject(
        status === 401 ? { failureType: 'config_error' } : { status: 500 },
      )
    }
  })

  it.each<[string, PlainDict, string]>([
    ['client credentials', { ...basic, client_id: null }, "Both 'client_id' and 'client_secret'"],
    ['a refresh token', { ...basic, refresh_token: null }, "A 'refresh_token' is required"],
    ['an assertion', { ...basic, use_profile_assertion: true }, "'profile_assertion' is required"],
    ['a real date', { ...basic, token_expiry_date: 'soon' }, 'Invalid token expiry date format'],
  ])('is not built without %s', (_, definition, message) => {
    expect(() => build(definition)).toThrow(message)
  })
})

describe('an OAuthAuthenticator with a refresh_token_updater', () => {
  const singleUse = { ...basic, refresh_token_updater: {} }
  const settings = () => ({
    client_id: 'cid',
    client_secret: 'csec',
    credentials: { refresh_token: 'old', access_token: '', token_expiry_date: '' },
  })
  const renew: Api = () =>
    jsonResponse({ access_token: 'tok', refresh_token: 'new', expires_in: 3600 })

  it('keeps the tokens in the configuration and tells it, once for all streams', async () => {
    const { authenticator, builder, environment } = build(singleUse, renew, settings())
    const second = builder.build('authenticator', singleUse, { streamName: 'others' })
    await Promise.all([authorization(authenticator), authorization(second)])
    const credentials = {
      refresh_token: 'new',
      access_token: 'tok',
      token_expiry_date: '2025-03-01T01:00:00+00:00',
    }
    expect(builder.config).toMatchObject({ credentials })
    expect(environment.messages).toEqual([
      { kind: 'config', config: { client_id: 'cid', client_secret: 'csec', credentials } },
    ])
    expect(bodies(environment.requests)).toEqual([
      'grant_type=refresh_token&client_id=cid&client_secret=csec&refresh_token=old',
    ])
  })

  it('keeps the refresh token where the endpoint gives no new one', async () => {
    const { authenticator, builder } = build(singleUse, grant, settings())
    await authorization(authenticator)
    expect(builder.config).toMatchObject({
      credentials: { refresh_token: 'old', access_token: 'tok-1' },
    })
  })

  it('prefers the client credentials that stand in the configuration', async () => {
    const { authenticator, environment } = build(singleUse, renew, {
      ...settings(),
      credentials: { client_id: 'own', refresh_token: 'old', token_expiry_date: '' },
    })
    await authorization(authenticator)
    expect(bodies(environment.requests)[0]).toContain('client_id=own&')
  })

  /** Returns the state that several readers share, as a service stores it. */
  function shared(credentials: PlainDict) {
    const kept: { config: Dict } = { config: { ...settings(), credentials } }
    const changeConfig: NonNullable<Environment['changeConfig']> = async (change) => {
      kept.config = (await change(copyDict(kept.config))) ?? kept.config
      return kept.config
    }
    return { kept, changeConfig }
  }
  const refusal = () => jsonResponse({ error: 'invalid_grant' }, { status: 400 })

  it('renews the token that is kept, not the one that it began with, and keeps the new one', async () => {
    const { kept, changeConfig } = shared({ refresh_token: 'of another', token_expiry_date: '' })
    const { authenticator, environment } = buildIn(
      { ...simulatedEnvironment(renew), changeConfig },
      singleUse,
      settings(),
    )
    expect(await authorization(authenticator)).toEqual(bearer('tok'))
    expect(bodies(environment.requests)).toEqual([
      'grant_type=refresh_token&client_id=cid&client_secret=csec&refresh_token=of+another',
    ])
    expect(kept.config).toMatchObject({
      credentials: { refresh_token: 'new', access_token: 'tok' },
    })
    expect(environment.messages).toEqual([])
  })

  it('takes the token that another reader got in the meantime', async () => {
    const { changeConfig } = shared({
      refresh_token: 'theirs',
      access_token: 'their token',
      token_expiry_date: '2025-03-01T00:30:00+00:00',
    })
    const { authenticator, environment } = buildIn(
      { ...simulatedEnvironment(renew), changeConfig },
      singleUse,
      settings(),
    )
    expect(await authorization(authenticator)).toEqual(bearer('their token'))
    expect(environment.requests).toEqual([])
    environment.advance(1801)
    expect(await authorization(authenticator)).toEqual(bearer('tok'))
  })

  it('looks once more for another refresh token before it gives up', async () => {
    const { kept, changeConfig } = shared({ refresh_token: 'old', token_expiry_date: '' })
    const api: Api = (_, count) => {
      if (count > 1) return jsonResponse({ access_token: 'tok', expires_in: 3600 })
      kept.config = { ...settings(), credentials: { refresh_token: 'of the user' } }
      return refusal()
    }
    const { authenticator, environment } = buildIn(
      { ...simulatedEnvironment(api), changeConfig },
      singleUse,
      settings(),
    )
    expect(await authorization(authenticator)).toEqual(bearer('tok'))
    expect(bodies(environment.requests)[1]).toContain('refresh_token=of+the+user')
    expect(environment.messages).toEqual([])
  })

  it.each([true, false])(
    'says that the authorization is lost where its refresh token is refused (shared: %s)',
    async (isShared) => {
      const { changeConfig } = shared({ refresh_token: 'old', token_expiry_date: '' })
      const around = isShared ? { changeConfig } : {}
      const { authenticator, environment } = buildIn(
        { ...simulatedEnvironment(refusal), ...around },
        singleUse,
        settings(),
      )
      const error = { failureType: 'config_error' }
      await expect(authorization(authenticator)).rejects.toMatchObject(error)
      expect(environment.messages).toMatchObject([{ kind: 'authorization-lost', error }])
      expect(environment.requests).toHaveLength(1)
    },
  )

  it('waits for a vendor that is down without holding others up', async () => {
    let holders = 0
    const { changeConfig } = shared({ refresh_token: 'old', token_expiry_date: '' })
    const api: Api = (_, count) =>
      count < 3 ? jsonResponse({}, { status: 503 }) : jsonResponse({ access_token: 'tok' })
    const counted: typeof changeConfig = (change) => {
      holders += 1
      return changeConfig(change)
    }
    const around = { ...simulatedEnvironment(api), changeConfig: counted }
    const { authenticator, environment } = buildIn(around, singleUse, settings())
    expect(await authorization(authenticator)).toEqual(bearer('tok'))
    expect(environment.waits).toHaveLength(2)
    expect(holders).toBe(3)
  })

  it('is not built with a date that is none', () => {
    const credentials = { refresh_token: 'old', token_expiry_date: 'soon' }
    expect(() => build(singleUse, renew, { ...settings(), credentials })).toThrow('datetime')
  })
})
