import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { connectorOf, nativeTypes } from '../../connectors/registry.ts'

// A file for each connector, so that several are tested at a time.
test('every connector of an HTTP API is in the contract suite of streams', () => {
  const ofApis = nativeTypes().filter((type) => connectorOf(type).actions !== undefined)
  const cwd = import.meta.dirname
  const files = globSync('*/stream-contract.test.ts', { cwd })
  expect(files.toSorted()).toEqual(ofApis.map((type) => `${type}/stream-contract.test.ts`))
  for (const type of ofApis)
    expect(readFileSync(`${cwd}/${type}/stream-contract.test.ts`, 'utf8')).toContain(
      `streamContract('${type}', ${type}Streams)`,
    )
})
