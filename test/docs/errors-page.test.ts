import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { codesByArea } from '../../protocol/errors/codes.ts'
import { areaPage, errorsPage, type Area } from './errors-page.ts'

const areas = Object.keys(codesByArea) as readonly Area[]

test('docs/errors/README.md lists every error code with its message', async () => {
  const page = resolve('docs/errors/README.md')
  await expect(errorsPage(page)).toMatchFileSnapshot(page)
})

test.each(areas)('docs/errors/%s.md has a section for each code of the area', async (area) => {
  const page = resolve(`docs/errors/${area}.md`)
  await expect(areaPage(area, page)).toMatchFileSnapshot(page)
})

test('docs/errors has no other page', () => {
  const pages = [...areas, 'README'].map((name) => `${name}.md`)
  expect(readdirSync('docs/errors').toSorted()).toEqual(pages.toSorted())
})
