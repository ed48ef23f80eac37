import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCase } from './run-case.ts'

const own = new URL('cases/', import.meta.url).pathname
/** All recorded cases, real manifests too, if this project's surroundings have them. */
const recorded = new URL('../../../shared/conformance/', import.meta.url).pathname

/** By name: a case that stands in both folders runs once. */
const cases = new Map([own, recorded].filter((folder) => existsSync(folder)).flatMap(casesIn))

function casesIn(folder: string): [name: string, path: string][] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'case.json')))
    .map(({ name }) => [name, join(folder, name)])
}

describe('a manifest does what the reference does', () => {
  test.each([...cases])('%s', async (_name, path) => {
    expect(await runCase(path)).toBeNull()
  })
})
