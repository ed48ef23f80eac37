import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { errorsPage } from './errors-page.ts'

test('docs/errors/README.md lists every error code with its message', async () => {
  const page = resolve('docs/errors/README.md')
  await expect(errorsPage(page)).toMatchFileSnapshot(page)
})
