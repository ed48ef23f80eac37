import { mkdirSync, rmdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { requireAllowedFolder } from '../../../service/instances/allowed-folder.ts'
import { newFolder } from '../../support/new-folder.ts'

test('a symbolic link leads out of no allowed folder', async () => {
  const root = await newFolder('allowed-folder')
  const allowed = join(root, 'allowed')
  const outside = join(root, 'outside')
  for (const folder of [allowed, outside, join(allowed, 'sub')]) mkdirSync(folder)
  symlinkSync(outside, join(allowed, 'latest'))
  symlinkSync(allowed, join(root, 'exports'))
  const isAllowed = (folder: string, by = allowed): boolean => {
    const descriptor = { type: 'file', localFolder: () => folder }
    try {
      requireAllowedFolder(descriptor, {}, [by])
      return true
    } catch {
      return false
    }
  }
  expect(isAllowed(join(allowed, 'sub'))).toBe(true)
  expect(isAllowed(join(allowed, 'not', 'there', 'yet'))).toBe(true)
  expect(isAllowed(join(root, 'exports', 'sub'))).toBe(true)
  expect(isAllowed(join(allowed, 'sub'), join(root, 'exports'))).toBe(true)
  expect(isAllowed(join(allowed, 'latest'))).toBe(false)
  expect(isAllowed(join(allowed, 'latest', 'not-there-yet'))).toBe(false)
  expect(isAllowed(join(allowed, 'sub', '..', '..', 'outside'))).toBe(false)
  expect(isAllowed(outside, join(allowed, 'latest'))).toBe(true)
  rmdirSync(join(allowed, 'sub'))
  symlinkSync(outside, join(allowed, 'sub'))
  expect(isAllowed(join(allowed, 'sub'))).toBe(false)
})
