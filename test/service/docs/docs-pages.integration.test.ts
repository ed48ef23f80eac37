import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { TestApi } from '../../support/test-api.ts'

/** A path as it stands in the request: `fetch` would resolve the dots. */
async function rawRequest(base: string, path: string): Promise<string> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  return text(socket)
}

test('a page is HTML for a reader, and Markdown when it is asked for', async () => {
  await using api = await TestApi.start()
  const url = `${api.url}/docs/errors/http.md`
  const page = await fetch(url)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(await page.text()).toContain('<a href="../cli.md">')
  const raw = [fetch(`${url}?raw`), fetch(url, { headers: { accept: 'text/markdown' } })]
  for (const response of await Promise.all(raw)) {
    expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    expect(await response.text()).toMatch(/^# Errors: HTTP API\n/)
  }
  const picture = await fetch(`${api.url}/docs/sandbox-flow.svg`)
  expect(picture.headers.get('content-type')).toBe('image/svg+xml')
  const start = await fetch(`${api.url}/docs/errors/`)
  expect(await start.text()).toContain('<h1 id="errors">')
})

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

test.each([
  ['/docs', './docs/'],
  ['/docs/tutorial', './tutorial.md'],
  ['/docs/tutorial?raw', './tutorial.md?raw'],
  ['/docs/errors/name_taken', './http.md#name_taken'],
  ['/docs/errors/name_taken.md?raw', './http.md?raw#name_taken'],
  ['/docs/errors', './errors/'],
  ['/docs/connectors', './connectors/'],
])('a path that lacks its end leads to the page: %s', async (path, to) => {
  await using api = await TestApi.start()
  const response = await fetch(api.url + path, { redirect: 'manual' })
  expect([response.status, response.headers.get('location')]).toEqual([308, to])
  const page = await fetch(api.url + path)
  expect(page.status).toBe(200)
})

test('a folder without a start page is served as the list of its pages', async () => {
  await using api = await TestApi.start()
  const url = `${api.url}/docs/connectors/`
  const page = await fetch(url, { headers: browser })
  const text = await page.text()
  expect(text).toContain('<a href="faker.md" rel="noreferrer">')
  expect(text).toContain('<link rel="stylesheet" href="../style.css">')
  expect(await (await fetch(`${url}?raw`)).text()).toContain('](faker.md)\n')
})

test('a page that is not there is HTML for a browser, with a way to the others, and JSON for a program', async () => {
  await using api = await TestApi.start()
  for (const [path, start] of [
    ['/docs/none', './'],
    ['/docs/errors/none/deep', '../../'],
    ['/docs/none/?x=/', '../'],
  ] as const) {
    const page = await fetch(api.url + path, { headers: browser })
    expect(page.status).toBe(404)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await page.text()).toContain(`<a href="${start}" rel="noreferrer">documentation</a>`)
    const json = await fetch(api.url + path)
    expect(json.status).toBe(404)
    const body: unknown = await json.json()
    expect(body).toMatchObject({
      error: {
        code: 'route_not_found',
        suggested_fix: expect.stringContaining('`/docs/`') as unknown,
      },
    })
  }
})

test.each([
  '/docs/%ff',
  '/docs/%',
  '/docs/%zz',
  '/docs/errors/%ff?x=/',
  `/docs/${'x'.repeat(300)}`,
])('a path that is no path at all is such a page too: %s', async (path) => {
  await using api = await TestApi.start()
  const page = await fetch(api.url + path, { headers: browser })
  expect(page.status).toBe(404)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('content-security-policy')).toContain("style-src 'self'")
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')
  const start = path.startsWith('/docs/errors/') ? '../' : './'
  expect(await page.text()).toContain(`<a href="${start}" rel="noreferrer">documentation</a>`)
  const json = await fetch(api.url + path)
  expect(json.headers.get('content-type')).toContain('application/json')
  expect([400, 404]).toContain(json.status)
})

test('a path that is no path at all is JSON for a browser outside of the documentation', async () => {
  await using api = await TestApi.start()
  for (const path of ['/connect/v1/%ff', '/docsx/%ff', '/%ff']) {
    const response = await fetch(api.url + path, { headers: browser })
    expect(response.status).toBe(400)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.json()).toMatchObject({ error: { code: 'request_invalid' } })
  }
})

test('a browser that opens the address of the service gets the documentation', async () => {
  await using api = await TestApi.start()
  const page = await fetch(api.url, { headers: browser })
  expect([page.status, new URL(page.url).pathname]).toEqual([200, '/docs/'])
  for (const init of [{}, { headers: browser, method: 'POST' }]) {
    const response = await fetch(api.url, init)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toContain('application/json')
  }
})

test('a page runs no script and loads nothing from elsewhere', async () => {
  await using api = await TestApi.start()
  const page = await fetch(`${api.url}/docs/cli.md`)
  const policy = page.headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/script-src|unsafe|https?:|\*/)
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')
  expect(await page.text()).not.toMatch(/<script|style=|\son\w+=/)
  const style = await fetch(`${api.url}/docs/style.css`)
  expect(style.headers.get('content-type')).toBe('text/css; charset=utf-8')
  expect(await style.text()).not.toMatch(/url\(|@import/)
})

test.each([
  '/docs/../package.json',
  '/docs/%2e%2e/package.json',
  '/docs/..%2fpackage.json',
  '/docs/%2e%2e%2fpackage.json',
  '/docs/..%5cpackage.json',
  '/docs/errors/../../package.json',
  '/docs//etc/passwd',
  '/docs/%2fetc%2fpasswd',
  '/docs/cli.md%00.svg',
  '/docs/constructor',
  '/docs/none.md',
])('nothing outside of the folder is served: %s', async (path) => {
  await using api = await TestApi.start()
  const response = await rawRequest(api.url, path)
  expect(response).toMatch(/^HTTP\/1\.1 40[04] /)
  expect(response).not.toContain('reactor-connect"')
})

test('a search finds the section of an error by words, and shows no text of the query as HTML', async () => {
  await using api = await TestApi.start()
  const missing = await (await fetch(`${api.url}/docs/search?q=promote_outdated`)).text()
  expect(missing).toContain('href="errors/resource.md#promote_outdated"')
  const hostile = await (await fetch(`${api.url}/docs/search?q=%3Cimg%20src=x%3E`)).text()
  expect(hostile).not.toContain('<img')
  expect((await fetch(`${api.url}/docs/search?q=${'x'.repeat(201)}`)).status).toBe(400)
})
