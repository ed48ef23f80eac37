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
  const url = `${api.url}/docs/errors/name_taken.md`
  const page = await fetch(url)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(await page.text()).toContain('<a href="../cli.md">')
  const raw = [fetch(`${url}?raw`), fetch(url, { headers: { accept: 'text/markdown' } })]
  for (const response of await Promise.all(raw)) {
    expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    expect(await response.text()).toMatch(/^# name_taken\n/)
  }
  const picture = await fetch(`${api.url}/docs/sandbox-flow.svg`)
  expect(picture.headers.get('content-type')).toBe('image/svg+xml')
  const start = await fetch(`${api.url}/docs/errors/`)
  expect(await start.text()).toContain('<h1 id="errors">')
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
