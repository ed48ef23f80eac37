import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { docsFileUrl, docsPath } from '../../cli/output/docs-path.ts'
import { ConnectError, errorCodes, type ErrorCodeName } from '../../protocol/index.ts'

test('what the command line prints of every error is a file that exists', () => {
  for (const code of Object.keys(errorCodes) as readonly ErrorCodeName[]) {
    const { docs_url: link } = new ConnectError(code).toJSON()
    expect(existsSync(docsPath(link).split('#')[0] ?? ''), code).toBe(true)
    expect(existsSync(fileURLToPath(docsFileUrl(link))), code).toBe(true)
  }
})

test('a page is named from the folder that the user is in', () => {
  expect(docsPath('docs/errors/usage.md')).toBe('docs/errors/usage.md')
  expect(docsPath('https://shop.test/docs')).toBe('https://shop.test/docs')
  expect(docsFileUrl('https://shop.test/docs')).toBe('https://shop.test/docs')
})
