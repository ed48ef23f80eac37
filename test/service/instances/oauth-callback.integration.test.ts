import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Answer } from '../../support/api-client.ts'
import { AuthorizationServer } from '../../fakes/authorization-server.ts'
import { callbackUrl } from '../../support/test-service.ts'
import { createCrm } from '../../support/create-crm.ts'
import { TestApi } from '../../support/test-api.ts'

const browser = { headers: { accept: 'text/html,application/xhtml+xml' } }

let vendor: AuthorizationServer
beforeAll(async () => {
  vendor = await AuthorizationServer.start({ redirectUris: [callbackUrl] })
})
afterAll(async () => {
  await vendor[Symbol.asyncDispose]()
})

test('what the browser brings back authorizes the instance, without a key', async () => {
  await using api = await TestApi.start()
  const callback = await api.asked(`GET /oauth/callback?${await browsed(api)}`)
  expect(callback).toMatchObject({ status: 200, body: { name: 'a', credentials: 'ready' } })
})

test('a browser gets a page, which runs nothing and sends its address nowhere', async () => {
  await using api = await TestApi.start()
  const page = await api.asked(`GET /oauth/callback?${await browsed(api)}`, browser)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  expect(page.body).toContain('a is connected')
})

test('a state works once', async () => {
  await using api = await TestApi.start()
  const query = await browsed(api)
  await api.asked(`GET /oauth/callback?${query}`)
  const again = await api.asked(`GET /oauth/callback?${query}`)
  expect(again.status).toBe(400)
  expect(again.body).toMatchObject({ error: { code: 'oauth_state_invalid' } })
})

test('a refusal is shown to the browser, as text', async () => {
  await using api = await TestApi.start()
  const error = encodeURIComponent('<script>alert(1)</script>')
  const page = await api.asked(
    `GET /oauth/callback?error=${error}&state=${stateOf(await browsed(api))}`,
    browser,
  )
  expect(page.status).toBe(400)
  expect(page.body).toContain('Not authorized')
  expect(page.body).toContain('&lt;script&gt;')
  expect(page.body).not.toContain('<script')
})

test('a callback without a state, or with one that is none, is refused', async () => {
  await using api = await TestApi.start()
  for (const query of ['', 'code=abc', 'state=', `state=${'x'.repeat(600)}`, 'state=a&state=b']) {
    const answers: Answer[] = [
      await api.asked(`GET /oauth/callback?${query}`),
      await api.asked(`GET /oauth/callback?${query}`, browser),
    ]
    for (const { status } of answers) expect(status, query).toBe(400)
  }
})

test('a made-up state writes nothing into the audit log, a real one does', async () => {
  await using api = await TestApi.start()
  const query = await browsed(api)
  for (const made of ['x', 'y', stateOf(query).toUpperCase()])
    expect((await api.asked(`GET /oauth/callback?code=abc&state=${made}`)).status).toBe(400)
  expect(await fromBrowsers(api)).toEqual([])
  await api.asked(`GET /oauth/callback?${query}`)
  await api.asked(`GET /oauth/callback?${query}`)
  expect(await fromBrowsers(api)).toMatchObject([{ outcome: 'done', name: 'a' }])
})

test('neither code nor state is logged', async () => {
  await using api = await TestApi.start()
  const query = await browsed(api)
  await api.asked(`GET /oauth/callback?${query}`)
  await api.asked(`GET /oauth/callback?${query}`)
  expect(api.logLines.length).toBeGreaterThan(1)
  const code = new URLSearchParams(query).get('code') ?? ''
  expect(code.length).toBeGreaterThan(10)
  for (const secret of [code, stateOf(query)]) expect(api.logLines.join('')).not.toContain(secret)
})

/** The query that the browser brings back, of a user who agreed. */
async function browsed(api: TestApi): Promise<string> {
  await createCrm(api, 'a', vendor)
  const { body } = await api.call('POST /instances/a/authorize')
  const { authorize_url: url } = z.object({ authorize_url: z.string() }).parse(body)
  return String(new URLSearchParams(await vendor.browse(url, callbackUrl)))
}

function stateOf(query: string): string {
  return new URLSearchParams(query).get('state') ?? ''
}

/** Entries of the audit log without a principal. */
async function fromBrowsers(api: TestApi): Promise<unknown> {
  const { body } = await api.call('GET /audit?action=instances:credentials')
  const { items } = z
    .object({ items: z.array(z.looseObject({ principal: z.unknown() })) })
    .parse(body)
  return items.filter(({ principal }) => principal === null)
}
