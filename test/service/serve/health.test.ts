import { rename, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConnectError } from '../../../protocol/index.ts'
import { ProcessHealthService } from '../../../service/serve/health.ts'
import type { HealthReport } from '../../../service/service.ts'
import { fileNameOf } from '../../../service/platform/vault/secrets-file.ts'
import type { Vault } from '../../../service/platform/vault/vault.ts'
import { openFileVault } from '../../../service/platform/vault/file-vault.ts'
import { neverAborted } from '../../support/signal.ts'
import { newFolder } from '../../support/new-folder.ts'

const store = {
  ping: () => Promise.resolve(),
  checkWrites: () => Promise.resolve(),
  migrationWatch: { newer: neverAborted() },
}

/** Reports of a service whose vault this is, each later than results are cached. */
function reportsOn(vault: Vault): () => Promise<HealthReport> {
  let nowMs = 0
  const health = new ProcessHealthService({
    store,
    jobs: { place: null, check: () => Promise.resolve() },
    kafka: undefined,
    data: undefined,
    vault,
    stopping: neverAborted(),
    now: () => nowMs,
  })
  return () => {
    nowMs += 10_000
    return health.report()
  }
}

test('brokers that are away are a warning: what needs no Kafka is served', async () => {
  await using vault = await openFileVault({ folder: await newFolder('health') })
  let isAway = false
  let nowMs = 0
  const health = new ProcessHealthService({
    store,
    jobs: { place: null, check: () => Promise.resolve() },
    kafka: {
      check: () =>
        isAway
          ? Promise.reject(
              new ConnectError('kafka_unreachable', {
                details: { brokers: 'b:9092', reason: 'x' },
              }),
            )
          : Promise.resolve(1),
    },
    ...{ data: undefined, vault, stopping: neverAborted(), now: () => nowMs },
  })
  expect(await health.report()).toMatchObject({ problems: [], warnings: [] })
  isAway = true
  nowMs += 10_000
  const { problems, warnings, parts } = await health.report()
  expect(problems).toEqual([])
  expect(warnings).toEqual([
    'Kafka cannot be used (kafka_unreachable): deliveries of webhooks are refused, and runs that go through it or load topics wait, until it is back',
  ])
  expect(parts.find(({ part }) => part === 'kafka')?.problem).toBeDefined()
})

test('damaged files of the vault are a warning that names none, until they are replaced', async () => {
  const folder = await newFolder('health')
  const paths = ['instances/a', 'instances/b']
  {
    await using vault = await openFileVault({ folder })
    for (const path of paths) await vault.put(path, { '/t': 'x' })
  }
  for (const path of paths) await truncate(join(folder, fileNameOf(path)), 50)
  await using vault = await openFileVault({ folder })
  const report = reportsOn(vault)
  expect(await report()).toMatchObject({
    problems: [],
    warnings: [
      '2 files of the vault are damaged or cannot be read, and what needs them fails: `reactor connect doctor` on the machine of the service, with its `--config` or `--data-dir`, names them',
    ],
  })
  await vault.put('instances/a', { '/t': 'y' }, { ifVersion: 'unusable' })
  expect((await report()).warnings).toEqual([
    '1 file of the vault is damaged or cannot be read, and what needs it fails: `reactor connect doctor` on the machine of the service, with its `--config` or `--data-dir`, names it',
  ])
  await vault.delete('instances/b')
  expect((await report()).warnings).toEqual([])
})

test('a key file that goes while the service runs is named until it is back', async () => {
  const folder = await newFolder('health')
  await using vault = await openFileVault({ folder })
  await vault.put('a', { '/t': 'x' })
  const report = reportsOn(vault)
  const problems = async (): Promise<readonly string[]> => (await report()).problems
  expect(await problems()).toEqual([])
  const file = join(folder, 'vault.json')
  await rename(file, `${folder}.kept`)
  expect(await problems()).toEqual([
    'the vault cannot be used (vault_key_wrong): its key file vault.json is missing, put it back from a backup',
  ])
  await rename(`${folder}.kept`, file)
  expect(await problems()).toEqual([])
})
