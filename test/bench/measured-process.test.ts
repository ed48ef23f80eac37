import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { measureProgram } from '../../bench/measured-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('the peak of a program is its own, also if its parent needs more memory', async () => {
  await using folder = await temporaryFolder('measured-process')
  const small = join(folder.path, 'small.mjs')
  const large = join(folder.path, 'large.mjs')
  await writeFile(small, '')
  await writeFile(large, 'globalThis.kept = Buffer.alloc(400 * 2 ** 20, 1)')
  const ofParent = Buffer.alloc(300 * 2 ** 20, 1)

  const ofSmall = await measureProgram(small, [])
  const ofLarge = await measureProgram(large, [])

  expect(ofParent.length).toBe(300 * 2 ** 20)
  expect(ofSmall.peakRssMb).toBeGreaterThan(20)
  expect(ofSmall.peakRssMb).toBeLessThan(200)
  expect(ofLarge.peakRssMb).toBeGreaterThan(400)
})

test('a program that fails is an error with what it wrote', async () => {
  await using folder = await temporaryFolder('measured-process')
  const program = join(folder.path, 'fails.mjs')
  await writeFile(program, "console.error('no such table'); process.exitCode = 3")
  await expect(measureProgram(program, [])).rejects.toThrow(/exited with 3:\n.*no such table/s)
})
