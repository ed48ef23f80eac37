import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { OAuth2Templates } from '../../../connectors/connector.ts'
import { ManifestFlow } from '../../../service/oauth/manifest-flow.ts'
import { TokenFetch } from '../../../service/oauth/token-fetch.ts'

const about = {
  redirectUri: 'http://127.0.0.1:1/callback',
  state: 'the-state',
  verifier: 'the-verifier',
}
const challenge = createHash('sha256').update(about.verifier).digest('base64url')

/** Returns the parameters of the consent URL and those of the request to the token endpoint. */
async function flowOf(
  consentQuery: string,
  params: Readonly<Record<string, string>>,
  tokenQuery = '',
): Promise<{ consent: URLSearchParams; sent: URLSearchParams }> {
  let sent = ''
  const server = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => (sent += text))
    request.on('end', () => {
      sent += `&${request.url?.split('?')[1] ?? ''}`
      response.setHeader('content-type', 'application/json')
      response.end('{"access_token":"t"}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await using fetch = new TokenFetch(['127.0.0.1/32'])
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  const flow = new ManifestFlow(fetch)
  const templates: OAuth2Templates = {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    params,
    scopeSeparator: ' ',
    output: ['access_token'],
    expiryKey: 'expires_in',
    keys: {},
    userInput: {},
  }
  const party = {
    scheme: {
      kind: 'oauth2' as const,
      scopes: [],
      ...{
        authorizeUrl: `${origin}/auth?${consentQuery}`,
        tokenUrl: `${origin}/token?${tokenQuery}`,
      },
    },
    client: { id: 'client', secret: null },
    inputs: {},
  }
  try {
    const consent = new URL(flow.authorizeUrl(party, templates, about)).searchParams
    const callback = { state: about.state, code: 'c' }
    await flow.exchange(party, templates, { about, callback })
    return { consent, sent: new URLSearchParams(sent) }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const s256 = '{{ state_param }}&code_challenge={{ state_value | codeChallengeS256 }}'

test('the verifier of PKCE is a secret of its own, which the address bar does not show', async () => {
  const { consent, sent } = await flowOf(s256, { code_verifier: '{{ state_value }}' })
  expect(consent.get('state')).toBe(about.state)
  expect(consent.get('code_challenge')).toBe(challenge)
  expect(consent.toString()).not.toContain(about.verifier)
  expect(sent.get('code_verifier')).toBe(about.verifier)
  expect(sent.toString()).not.toContain(about.state)
})

test('a vendor that wants the state back gets it, beside the verifier, also in the URL', async () => {
  const params = { '{{ state_key }}': '{{ state_value }}', code_verifier: '{{ state_value }}' }
  expect(Object.fromEntries((await flowOf(s256, params)).sent)).toEqual({
    state: about.state,
    code_verifier: about.verifier,
  })
  const query = '{{ state_param }}&code_verifier={{ state_value }}'
  expect(Object.fromEntries((await flowOf(s256, {}, query)).sent)).toEqual({
    state: about.state,
    code_verifier: about.verifier,
  })
})

test('a challenge that is the state itself has the state as its verifier', async () => {
  const plain = '{{ state_param }}&code_challenge={{ state_value }}&code_challenge_method=plain'
  const { consent, sent } = await flowOf(plain, { code_verifier: '{{ state_value }}' })
  expect(sent.get('code_verifier')).toBe(consent.get('code_challenge'))
})
