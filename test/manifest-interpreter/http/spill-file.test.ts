import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SpillFile } from '../../../manifest-interpreter/http/spill-file.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reactor-spill-test-'))
  vi.stubEnv('TMPDIR', folder)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

test('spilled bytes are read back, and their file has no name: a killed process leaves none', async () => {
  const spill = new SpillFile()
  const first = await spill.append(Buffer.from('one'))
  const second = await spill.append(Buffer.from('another'))
  expect(await readdir(folder)).toEqual([])
  expect(Buffer.from(await spill.read(second)).toString()).toBe('another')
  expect(Buffer.from(await spill.read(first)).toString()).toBe('one')
  await spill.close()
  await new SpillFile().close()
})
