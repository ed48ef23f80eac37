import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

function firstCode(page: string): string | undefined {
  return /^```ts\n(.*?)^```$/ms.exec(readFileSync(page, 'utf8'))?.[1]
}

test('the example of the README is the one that is compiled and run', () => {
  expect(firstCode('README.md')).toBe(firstCode('docs/library.md'))
})

test.each([
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'scripts/demo/README.md',
  'bench/peers/README.md',
])('every link of %s leads to a file', (page) => {
  const links = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
  expect(links.length).toBeGreaterThan(0)
  for (const [, link = ''] of links)
    if (!/^https?:/.test(link)) expect(existsSync(join(dirname(page), link)), link).toBe(true)
})

test('docs/index.md names every page', () => {
  const index = readFileSync('docs/index.md', 'utf8')
  const links = [...index.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link)
  for (const page of globSync('docs/{*,adr/*,connectors/*}.md'))
    if (page !== 'docs/index.md') expect.soft(links).toContain(relative('docs', page))
})
