import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { DocsFolder } from '../../../service/docs/docs-folder.ts'
import { renderPage } from '../../../service/docs/render-page.ts'
import { TestApi } from '../http/test-api.ts'

const files = globSync('docs/**/*.md').map((path) => posix.relative('docs', path))

/** A path as it stands in the request: `fetch` would resolve the dots. */
async function rawRequest(base: string, path: string): Promise<string> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  return text(socket)
}

test('every page is served without a key, and every link of it leads somewhere', async () => {
  const docs = await DocsFolder.open()
  const pages = new Map<string, string>()
  for (const path of files) pages.set(path, (await docs.page(path)) ?? '')
  expect(pages.size).toBeGreaterThan(200)
  for (const [path, page] of pages) {
    const [, body = ''] = page.split('<main>')
    for (const [, href = ''] of body.matchAll(/ (?:href|src)="([^"]+)"/g)) {
      if (/^https?:/.test(href)) continue
      const [file = '', anchor] = href.split('#')
      const target = file === '' ? path : posix.join(posix.dirname(path), file)
      const folder = posix.join(target, 'README.md')
      expect.soft(docs.has(target) || docs.has(folder), `${path}: ${href}`).toBe(true)
      if (anchor === undefined) continue
      expect.soft(pages.get(target), `${path}: ${href}`).toContain(` id="${anchor}"`)
    }
  }
})

test('a page is HTML for a reader, and Markdown when it is asked for', async () => {
  await using api = await TestApi.start()
  const url = `${api.server.url}/docs/errors/name_taken.md`
  const page = await fetch(url)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(await page.text()).toContain('<a href="../cli.md">')
  const raw = [fetch(`${url}?raw`), fetch(url, { headers: { accept: 'text/markdown' } })]
  for (const response of await Promise.all(raw)) {
    expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    expect(await response.text()).toMatch(/^# name_taken\n/)
  }
  const picture = await fetch(`${api.server.url}/docs/sandbox-flow.svg`)
  expect(picture.headers.get('content-type')).toBe('image/svg+xml')
  const start = await fetch(`${api.server.url}/docs/errors/`)
  expect(await start.text()).toContain('<h1 id="errors">')
})

test('a page runs no script and loads nothing from elsewhere', async () => {
  await using api = await TestApi.start()
  const page = await fetch(`${api.server.url}/docs/cli.md`)
  const policy = page.headers.get('content-security-policy')
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/script-src|unsafe|https?:|\*/)
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')
  expect(await page.text()).not.toMatch(/<script|style=|\son\w+=/)
  const style = await fetch(`${api.server.url}/docs/style.css`)
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
  const response = await rawRequest(api.server.url, path)
  expect(response).toMatch(/^HTTP\/1\.1 40[04] /)
  expect(response).not.toContain('reactor-connect"')
})

test('a link in the folder is not followed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reactor-docs-'))
  try {
    await mkdir(join(folder, 'docs'))
    await writeFile(join(folder, 'secret.md'), 'secret')
    await symlink(join(folder, 'secret.md'), join(folder, 'docs/open.md'))
    await writeFile(join(folder, 'docs/page.md'), '# Page')
    const docs = await DocsFolder.open(join(folder, 'docs'))
    expect([docs.has('page.md'), docs.has('open.md')]).toEqual([true, false])
    expect(await docs.read('open.md')).toBeUndefined()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('HTML inside of a page, and links with another scheme, are shown as text', () => {
  const markdown =
    '# A\n\n<img src=x onerror=alert(1)>\n\na <b>b</b> [c](javascript:alert(1)) [d](none.md)\n'
  const page = renderPage(markdown, { path: 'a.md', isServed: () => false })
  const [, body] = page.split('<main>')
  expect(body).not.toMatch(/<img|<b>|<a /)
  expect(body).toContain('&lt;img src=x onerror=alert(1)&gt;')
})
