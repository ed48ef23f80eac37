import { expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import { slackOAuth } from '../../../connectors/slack/oauth.ts'
import { ManifestFlow } from '../../../service/oauth/manifest-flow.ts'
import { TokenFetch } from '../../../service/oauth/token-fetch.ts'
import {
  authorizationCode,
  clientSecret,
  SlackSimulator,
} from '../../fakes/slack/slack-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const slackConnector = await connectorOf('slack')

test('the browser is sent to Slack with the scopes of a bot, separated by commas', async () => {
  await using fetch = new TokenFetch([])
  const { templates } = slackOAuth
  if (templates === undefined) throw new Error('no templates')
  const client = { id: '1.2', secret: clientSecret }
  const url = new ManifestFlow(fetch).authorizeUrl(
    { scheme: slackOAuth, client, inputs: {} },
    templates,
    {
      redirectUri: 'https://connect.example/callback',
      state: 'state-1',
      verifier: 'verifier-1',
    },
  )
  const { origin, pathname, searchParams } = new URL(url)
  expect(origin + pathname).toBe('https://slack.com/oauth/v2/authorize')
  expect(Object.fromEntries(searchParams)).toEqual({
    client_id: '1.2',
    scope: slackOAuth.scopes.join(','),
    redirect_uri: 'https://connect.example/callback',
    state: 'state-1',
  })
})

test('a code gives the token of the bot, and a wrong one a refusal although the status is 200', async () => {
  await using slack = await SlackSimulator.start()
  await using fetch = new TokenFetch(['127.0.0.1/32'])
  const scheme = { ...slackOAuth, tokenUrl: `${slack.apiUrl}/oauth.v2.access` }
  const { templates } = scheme
  if (templates === undefined) throw new Error('no templates')
  const party = { scheme, client: { id: '1.2', secret: clientSecret }, inputs: {} }
  const about = { redirectUri: 'https://connect.example/callback', state: 's', verifier: 'v' }
  const exchange = (code: string) =>
    new ManifestFlow(fetch).exchange(party, templates, { about, callback: { state: 's', code } })
  expect(await exchange(authorizationCode)).toMatchObject({
    access_token: expect.stringMatching(/^xoxe\.xoxb-/) as unknown,
    refresh_token: expect.stringMatching(/^xoxe-1-/) as unknown,
    expires_in: 43_200,
  })
  await expect(exchange('wrong')).rejects.toMatchObject({ cause: { error: 'invalid_code' } })
})

test('a token that rotates is renewed before it is used, and its successor is stored', async () => {
  await using slack = await SlackSimulator.start()
  slack.data.refreshTokens.add('xoxe-1-first')
  const source = new NativeConnector(slackConnector, {
    access_token: 'xoxe.xoxb-old',
    refresh_token: 'xoxe-1-first',
    token_expiry_date: '2026-01-01T00:00:00Z',
    client_id: '1.2',
    client_secret: clientSecret,
    api_url: slack.apiUrl,
  })
  expect(await source.check()).toEqual({ status: 'SUCCEEDED' })
  expect(source.changes).toMatchObject([
    { access_token: expect.stringMatching(/^xoxe\.xoxb-0/) as unknown },
  ])
  const stored = source.with({ ...source.changes[0] })
  expect(await stored.check()).toEqual({ status: 'SUCCEEDED' })
  expect(slack.callsOf('oauth.v2.access')).toHaveLength(1)
})

test('a refresh token that Slack refuses with status 200 replaces nothing', async () => {
  await using slack = await SlackSimulator.start()
  const source = new NativeConnector(slackConnector, {
    access_token: 'xoxe.xoxb-old',
    refresh_token: 'xoxe-1-used',
    token_expiry_date: '2026-01-01T00:00:00Z',
    client_id: '1.2',
    client_secret: clientSecret,
    api_url: slack.apiUrl,
  })
  await expect(source.check()).rejects.toMatchObject({ code: 'source_authorization_lost' })
  expect(source.changes).toEqual([])
})
