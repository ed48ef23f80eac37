import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ProcessHealthService } from '../../../service/serve/health.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { neverAborted } from '../../support/signal.ts'
import { newFolder } from '../../support/new-folder.ts'

test('a key file that goes while the service runs is named until it is back', async () => {
  const folder = await newFolder('health')
  await using vault = await openFileVault({ folder })
  await vault.put('a', { '/t': 'x' })
  let nowMs = 0
  const health = new ProcessHealthService({
    store: { ping: () => Promise.resolve(), checkWrites: () => Promise.resolve() },
    jobs: { place: null, check: () => Promise.resolve() },
    vault,
    stopping: neverAborted(),
    now: () => nowMs,
  })
  const problems = async (): Promise<readonly string[]> => {
    nowMs += 10_000
    return (await health.report()).problems
  }
  expect(await problems()).toEqual([])
  const file = join(folder, 'vault.json')
  await rename(file, `${folder}.kept`)
  expect(await problems()).toEqual([
    'the vault cannot be used (vault_key_wrong): its key file vault.json is missing, put it back from a backup',
  ])
  await rename(`${folder}.kept`, file)
  expect(await problems()).toEqual([])
})
