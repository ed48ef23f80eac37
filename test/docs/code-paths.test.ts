import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md')]
const folders = readdirSync('.', { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
  .map(({ name }) => name)

/** Files that a reader of the page makes, that programs make, and those of the data folder of a service. */
const notOurs = /\/inkpad|^node_modules\/|^postgres\/(?:pgpass|superuser\.json)$/

test('every path of the code that a page names is there', () => {
  const missing = pages.flatMap((page) => {
    const codes = readFileSync(page, 'utf8').matchAll(/`([\w-]+(?:\/[\w.-]+)+)\/?`/g)
    return [...codes]
      .map(([, path = '']) => path)
      .filter((path) => folders.includes(path.split('/')[0] ?? '') || path.endsWith('.ts'))
      .filter((path) => !existsSync(path) && !notOurs.test(path))
      .map((path) => `${page}: ${path}`)
  })
  expect(missing).toEqual([])
})
