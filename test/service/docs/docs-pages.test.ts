import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import { join, posix } from 'node:path'
import { expect, test } from 'vitest'
import { DocsFolder } from '../../../service/docs/docs-folder.ts'
import { renderPage } from '../../../service/docs/render-page.ts'
import { newFolder } from '../../support/new-folder.ts'

const files = globSync('docs/**/*.md').map((path) => posix.relative('docs', path))

test('every page is served without a key, and every link of it leads somewhere', async () => {
  const docs = await DocsFolder.open()
  const pages = new Map<string, string>()
  for (const path of files) pages.set(path, (await docs.page(path)) ?? '')
  expect(pages.size).toBeGreaterThan(60)
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

test.each([
  ['webhook-targets.md', './webhook-reference.md'],
  ['webhook-streams', './webhook-reference.md#events-into-tables'],
])('%s has moved to %s', async (path, to) => {
  const docs = await DocsFolder.open()
  expect(docs.find(path)).toEqual({ kind: 'moved', to })
  expect(docs.has(to.replace(/^\.\/|#.*/g, ''))).toBe(true)
})

test('a link in the folder is not followed', async () => {
  const folder = await newFolder('docs')
  await mkdir(join(folder, 'docs'))
  await writeFile(join(folder, 'secret.md'), 'secret')
  await symlink(join(folder, 'secret.md'), join(folder, 'docs/open.md'))
  await writeFile(join(folder, 'docs/page.md'), '# Page')
  const docs = await DocsFolder.open(join(folder, 'docs'))
  expect([docs.has('page.md'), docs.has('open.md')]).toEqual([true, false])
  expect(await docs.read('open.md')).toBeUndefined()
})

test('HTML inside of a page, and links with another scheme, are shown as text', () => {
  const markdown =
    '# A\n\n<img src=x onerror=alert(1)>\n\na <b>b</b> [c](javascript:alert(1)) [d](none.md)\n'
  const page = renderPage(markdown, { path: 'a.md', isServed: () => false })
  const [, body] = page.split('<main>')
  expect(body).not.toMatch(/<img|<b>|<a /)
  expect(body).toContain('&lt;img src=x onerror=alert(1)&gt;')
})
