import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { asyncapiDocument } from './asyncapi-document.ts'

test('docs/asyncapi.json is generated from the schemas of the messages', async () => {
  await expect(await asyncapiDocument()).toMatchFileSnapshot(resolve('docs/asyncapi.json'))
})

test('every reference of docs/asyncapi.json leads somewhere', async () => {
  const text = await asyncapiDocument()
  const document: unknown = JSON.parse(text)
  const references = [...text.matchAll(/"\$ref": "#\/([^"]+)"/g)].map(([, path = '']) => path)
  expect(references.length).toBeGreaterThan(10)
  for (const path of references) {
    const found = path
      .split('/')
      .reduce<unknown>(
        (node, name) => (node as Record<string, unknown> | undefined)?.[name],
        document,
      )
    expect(found, path).toBeDefined()
  }
})
