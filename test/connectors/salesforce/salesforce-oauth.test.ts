import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { requireAddress } from '../../../connectors/salesforce/address.ts'
import { salesforceOAuth } from '../../../connectors/salesforce/oauth.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { ManifestFlow } from '../../../service/oauth/manifest-flow.ts'
import { TokenFetch } from '../../../service/oauth/token-fetch.ts'
import { seeAll } from '../../fakes/salesforce/acme.ts'
import { clientId } from '../../fakes/salesforce/oauth.ts'
import { username } from '../../fakes/salesforce/organization.ts'
import { SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const connector = await connectorOf('salesforce')

test('a code with PKCE gives tokens and the address of the organization, and a wrong verifier nothing', async () => {
  await using salesforce = await SalesforceSimulator.start()
  await using fetch = new TokenFetch(['127.0.0.1/32'])
  const { templates } = salesforceOAuth
  if (templates === undefined) throw new Error('no templates')
  const flow = new ManifestFlow(fetch)
  const client = { id: clientId, secret: null }
  const party = { scheme: salesforceOAuth, client, inputs: { api_url: salesforce.url, domain: '' } }
  const about = { redirectUri: 'https://connect.example/callback', state: 's', verifier: 'v' }
  const codeOf = async (): Promise<string> => {
    const url = flow.authorizeUrl(party, templates, about)
    const back = await globalThis.fetch(url, { redirect: 'manual' })
    return new URL(back.headers.get('location') ?? '').searchParams.get('code') ?? ''
  }
  const exchange = async (verifier: string) =>
    flow.exchange(party, templates, {
      about: { ...about, verifier },
      callback: { state: 's', code: await codeOf() },
    })
  expect(await exchange('v')).toMatchObject({
    access_token: expect.stringContaining('!planted-access') as unknown,
    refresh_token: expect.stringContaining('planted-refresh') as unknown,
    instance_url: salesforce.url,
  })
  await expect(exchange('other')).rejects.toMatchObject({ cause: { error: 'invalid_grant' } })
  const inputs = { api_url: '', domain: 'acme.my.salesforce.com' }
  const own = new URL(flow.authorizeUrl({ ...party, inputs }, templates, about))
  expect(own.origin + own.pathname).toBe('https://acme.my.salesforce.com/services/oauth2/authorize')
  expect(own.searchParams.get('scope')).toBe('api refresh_token')
})

test('a private key logs in, and a wrong one says what to do', async () => {
  await using salesforce = await SalesforceSimulator.start()
  salesforce.organization.nowMs = Date.now()
  seeAll(salesforce.organization)
  const pair = (): { publicKey: string; privateKey: string } =>
    generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
  const { publicKey, privateKey } = pair()
  salesforce.oauth.trust(publicKey)
  const config = { client_id: clientId, username, api_url: salesforce.url }
  const client = new NativeConnector(connector, { ...config, private_key: privateKey })
  expect(await client.check()).toEqual({ status: 'SUCCEEDED' })
  const wrong = client.with({ private_key: pair().privateKey })
  const { status, message } = await wrong.check()
  expect(status).toBe('FAILED')
  expect(message).toContain('that the certificate of the External Client App belongs')
  expect(message).not.toContain('PRIVATE KEY')
})

test('a refresh token renews the session, and its successor is stored if it works once', async () => {
  await using salesforce = await SalesforceSimulator.start()
  seeAll(salesforce.organization)
  salesforce.oauth.rotates = true
  salesforce.oauth.refreshTokens.add('5Aep861first')
  const client = new NativeConnector(connector, {
    access_token: 'ended',
    refresh_token: '5Aep861first',
    client_id: clientId,
    api_url: salesforce.url,
  })
  expect(await client.check()).toEqual({ status: 'SUCCEEDED' })
  expect(client.changes).toMatchObject([
    { refresh_token: expect.stringContaining('planted-refresh') as unknown },
  ])
  const used = client.with({ refresh_token: '5Aep861first' })
  await expect(used.check()).rejects.toMatchObject({ code: 'source_authorization_lost' })
})

test.each([
  ['acme.my.salesforce.com', undefined, true],
  [undefined, 'https://acme.my.salesforce.com', true],
  [undefined, 'https://salesforce.com.evil.example', false],
  [undefined, 'http://acme.my.salesforce.com', false],
  ['test.salesforce.com', 'https://127.0.0.1:1', false],
  ['crm.acme.example', 'https://crm.acme.example', true],
  [undefined, undefined, false],
])('the session of domain %s goes to %s: %s', (domain, instance, isAllowed) => {
  const config = {
    ...(domain !== undefined && { domain }),
    ...(instance !== undefined && { instance_url: instance }),
  }
  const require = (): void => {
    requireAddress(config)
  }
  if (isAllowed) expect(require).not.toThrow()
  else expect(require).toThrow(expect.objectContaining({ code: 'source_config_invalid' }) as Error)
})
