import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { typesWithActions } from '../support/types-with-actions.ts'

// A file for each connector, so that several are tested at a time.
test('every connector of an HTTP API is in the contract suite of streams', async () => {
  const ofApis = await typesWithActions()
  const cwd = import.meta.dirname
  const files = globSync('*/stream-contract.test.ts', { cwd })
  expect(files.toSorted()).toEqual(ofApis.map((type) => `${type}/stream-contract.test.ts`))
  for (const type of ofApis)
    expect(readFileSync(`${cwd}/${type}/stream-contract.test.ts`, 'utf8')).toContain(
      `streamContract('${type}', ${type}Streams)`,
    )
})
