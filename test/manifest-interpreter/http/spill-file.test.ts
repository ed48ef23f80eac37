import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SpillFile } from '../../../manifest-interpreter/http/spill-file.ts'
import { newFolder } from '../../support/new-folder.ts'

let folder = ''

beforeEach(async () => {
  folder = await newFolder('spill-test')
  vi.stubEnv('TMPDIR', folder)
})

afterEach(() => {
  vi.unstubAllEnvs()
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
