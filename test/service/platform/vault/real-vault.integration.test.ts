import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import { openKv2Vault, type Kv2VaultOptions } from '../../../../service/platform/vault/kv2-vault.ts'
import { startRealVault, type RealVault } from '../../../vault/real-vault.ts'
import { vaultContract } from './vault-contract.ts'
import { silent as logger } from '../../../support/logger.ts'

/** Needs Go, and minutes at its first use: `npm run test:long -- vault` sets REAL_VAULT. */
const wanted = process.env.REAL_VAULT !== undefined

describe.runIf(wanted)('a real Vault', () => {
  let server: RealVault
  beforeAll(async () => {
    server = await startRealVault()
  }, 30 * 60_000)
  afterAll(() => server[Symbol.asyncDispose]())

  let places = 0
  const open = (options: Partial<Kv2VaultOptions> = {}) =>
    openKv2Vault({ url: server.url, token: server.rootToken, logger, ...options })
  const ownPrefix = (): string => {
    places += 1
    return `place-${places}`
  }

  vaultContract('keeps secrets', () => {
    const prefix = ownPrefix()
    return Promise.resolve({
      open: () => Promise.resolve(open({ prefix })),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  })

  it('lets a token with the policy of docs/credentials.md do all that is needed', async () => {
    const page = await readFile('docs/credentials.md', 'utf8')
    const [, policy = ''] = /```hcl\n(.*?)```/s.exec(page) ?? []
    await using vault = open({ token: await server.newToken({ policy }) })
    await vault.check()
    expect(await vault.put('instances/policy', { '/t': '1' }, { ifVersion: 0 })).toBe(1)
    expect(await vault.put('instances/policy', { '/t': '2' }, { ifVersion: 1 })).toBe(2)
    expect(await vault.get('instances/policy')).toEqual({ secrets: { '/t': '2' }, version: 2 })
    await vault.delete('instances/policy')
    expect(await vault.get('instances/policy')).toBeNull()
    await using elsewhere = open({
      token: await server.newToken({ policy }),
      prefix: 'of-another-service',
    })
    await expect(elsewhere.get('a')).rejects.toMatchObject({ code: 'vault_refused' })
  })

  it('refuses what a token may only read, without naming the token', async () => {
    const prefix = ownPrefix()
    await using all = open({ prefix })
    await all.put('a', { '/t': 'x' })
    const policy = `path "secret/data/${prefix}/*" { capabilities = ["read"] }`
    const token = await server.newToken({ policy })
    await using vault = open({ token, prefix })
    expect(await vault.get('a')).toEqual({ secrets: { '/t': 'x' }, version: 1 })
    for (const work of [() => vault.put('a', {}), () => vault.delete('a'), () => vault.check()]) {
      const error = await work().then(
        () => undefined,
        (thrown: unknown) => ConnectError.from(thrown),
      )
      expect(error).toMatchObject({ code: 'vault_refused' })
      expect(JSON.stringify(error)).not.toContain(token)
    }
  })

  it('that is sealed is unreachable until it is unsealed', async () => {
    await using vault = open({ prefix: ownPrefix() })
    await vault.put('a', { '/t': 'x' })
    await server.seal()
    const unreachable = {
      code: 'vault_unreachable',
      message: expect.stringContaining('sealed') as string,
    }
    try {
      await expect(vault.get('a')).rejects.toMatchObject(unreachable)
      await expect(vault.put('a', {})).rejects.toMatchObject(unreachable)
      await expect(vault.check()).rejects.toMatchObject(unreachable)
    } finally {
      await server.unseal()
    }
    await vi.waitFor(async () => {
      expect(await vault.get('a')).toEqual({ secrets: { '/t': 'x' }, version: 1 })
    }, 10_000)
  })

  it('refuses a token that has expired, and one that it does not know', async () => {
    await using vault = open({ token: await server.newToken({ ttl: '1s' }) })
    await vault.check()
    await vi.waitFor(
      () => expect(vault.check()).rejects.toMatchObject({ code: 'vault_refused' }),
      10_000,
    )
    await expect(vault.get('a')).rejects.toMatchObject({ code: 'vault_refused' })
    await using unknown = open({ token: 'hvs.unknown' })
    await expect(unknown.check()).rejects.toMatchObject({ code: 'vault_refused' })
  })

  it('keeps a token alive that can be renewed', async () => {
    const token = await server.newToken({ ttl: '2s', renewable: true })
    await using vault = open({ token })
    const endsAt = performance.now() + 5_000
    while (performance.now() < endsAt) {
      await vault.check()
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })

  it('puts a path anew whose newest version was deleted by hand', async () => {
    const prefix = ownPrefix()
    await using vault = open({ prefix })
    await vault.put('a', { '/t': '1' })
    await server.ask('DELETE', `secret/data/${prefix}/a`)
    expect(await vault.get('a')).toBeNull()
    expect(await vault.put('a', { '/t': '2' }, { ifVersion: 0 })).toBe(2)
    expect(await vault.get('a')).toEqual({ secrets: { '/t': '2' }, version: 2 })
  })

  it('refuses a mount that is missing, or of version 1', async () => {
    for (const mount of ['nowhere', 'old']) {
      await using vault = open({ mount })
      const refused = { code: 'vault_refused' }
      await expect(vault.check()).rejects.toMatchObject(refused)
      await expect(vault.put('a', {})).rejects.toMatchObject(refused)
    }
  })
})
