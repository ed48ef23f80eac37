import { randomInt } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { usuallyThird } from '../support/long.ts'
import { runCase } from './run-case.ts'

const own = new URL('cases/', import.meta.url).pathname
/** All recorded cases, real manifests too, if this project's surroundings have them. */
const recorded = new URL('../../../shared/conformance/', import.meta.url).pathname

/**
 * The usual run has another third of the real manifests each time. A failure shows the seed, which
 * CONFORMANCE_SEED plays again.
 */
const seed = Number(process.env.CONFORMANCE_SEED ?? randomInt(3))

/** By name: a case that stands in both folders runs once. */
const cases = new Map([
  ...(existsSync(recorded) ? usuallyThird(seed, casesIn(recorded)) : []),
  ...casesIn(own),
])

function casesIn(folder: string): [name: string, path: string][] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'case.json')))
    .map(({ name }) => [name, join(folder, name)])
}

describe(`a manifest does what the reference does (seed ${String(seed)})`, () => {
  test.each([...cases])('%s', async (_name, path) => {
    expect(await runCase(path)).toBeNull()
  })
})
