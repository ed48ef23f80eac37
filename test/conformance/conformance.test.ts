import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCase } from './run-case.ts'

const own = new URL('cases/', import.meta.url).pathname
/** All recorded cases, real manifests too, where this project's surroundings have them. */
const recorded = new URL('../../../shared/conformance/', import.meta.url).pathname
const folder = existsSync(recorded) ? recorded : own

const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'case.json')))
  .map((entry) => entry.name)

describe('a manifest does what the reference does', () => {
  test.each(names)('%s', async (name) => {
    expect(await runCase(join(folder, name))).toBeNull()
  })
})
