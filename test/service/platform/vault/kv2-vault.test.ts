import { randomUUID } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConnectError } from '../../../../protocol/index.ts'
import { openKv2Vault, type Kv2VaultOptions } from '../../../../service/platform/vault/kv2-vault.ts'
import { TokenFile } from '../../../../service/platform/vault/token-file.ts'
import { startKv2Server, type Kv2Server } from '../../../fakes/kv2-server.ts'
import { vaultContract } from './vault-contract.ts'
import { newFolder } from '../../../support/new-folder.ts'
import { silent as logger } from '../../../support/logger.ts'

vaultContract('a Vault over HTTP', async () => {
  const server = await startKv2Server()
  return {
    open: () => Promise.resolve(openKv2Vault({ url: server.url, token: server.rootToken, logger })),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
})

/** In one step, as agents do it. */
async function replace(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, text)
  await rename(draft, file)
}

describe('a Vault over HTTP', () => {
  let server: Kv2Server
  beforeEach(async () => {
    server = await startKv2Server()
  })
  afterEach(() => server[Symbol.asyncDispose]())

  const open = (options: Partial<Kv2VaultOptions> = {}) =>
    openKv2Vault({ url: server.url, token: server.rootToken, logger, ...options })

  it('says its namespace, and stays below its prefix', async () => {
    await using vault = open({ namespace: 'team-a', prefix: 'connect/prod' })
    await vault.put('instances/in_1', { '/t': 'x' })
    expect(server.requests).toContain('POST secret/data/connect/prod/instances/in_1')
    expect([...server.namespaces]).toEqual(['team-a'])
  })

  it('puts a path anew whose newest version was deleted by hand', async () => {
    await using vault = open()
    await vault.put('a', { '/t': '1' })
    server.softDelete('reactor-connect/a')
    expect(await vault.get('a')).toBeNull()
    expect(await vault.put('a', { '/t': '2' }, { ifVersion: 0 })).toBe(2)
    expect(await vault.get('a')).toEqual({ secrets: { '/t': '2' }, version: 2 })
  })

  it('that is sealed, silent or gone is unreachable', async () => {
    await using vault = open({ timeoutMs: 200 })
    const unreachable = { code: 'vault_unreachable' }
    server.setSealed(true)
    await expect(vault.get('a')).rejects.toMatchObject(unreachable)
    await expect(vault.check()).rejects.toMatchObject(unreachable)
    server.setSealed(false)
    server.setSilent(true)
    await expect(vault.get('a')).rejects.toMatchObject({
      ...unreachable,
      message: expect.stringContaining('in time') as string,
    })
    server.setSilent(false)
    await server[Symbol.asyncDispose]()
    await expect(vault.get('a')).rejects.toMatchObject({
      ...unreachable,
      message: expect.stringContaining('ECONNREFUSED') as string,
    })
    server = await startKv2Server()
  })

  it.each([
    ['a redirect, which would take the token to another host', 307, ''],
    ['a page', 200, '<html>planted-SECRET</html>'],
    ['a failure', 500, '{"errors":["internal error"]}'],
  ])('that answers with %s is unreachable', async (_, status, body) => {
    await using vault = open()
    await vault.check()
    server.answerNext(status, body)
    const error = await vault.get('a').catch((thrown: unknown) => ConnectError.from(thrown))
    expect(error).toMatchObject({ code: 'vault_unreachable' })
    expect(JSON.stringify(error)).not.toContain('SECRET')
  })

  it('refuses what the token may not do, without naming the token', async () => {
    server.addToken('hvs.reader-SECRET', { capabilities: ['read'] })
    await using vault = open({ token: 'hvs.reader-SECRET' })
    expect(await vault.get('a')).toBeNull()
    const refused = [
      () => vault.put('a', { '/t': 'SECRET' }),
      () => vault.delete('a'),
      () => vault.check(),
    ]
    for (const work of refused) {
      const error = await work().catch((thrown: unknown) => ConnectError.from(thrown))
      expect(error).toMatchObject({ code: 'vault_refused' })
      expect(JSON.stringify(error)).not.toContain('SECRET')
    }
  })

  it.each([403, 400, 404, 500])(
    'tells callers no word of what it says, with %d, and the log nothing of what was sent',
    async (status) => {
      const lines: string[] = []
      const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) })
      await using vault = open({ logger: log })
      await vault.check()
      const secrets = { '/password': 'pass"word-SECRET', '/key': { deep: 'deep-SECRET' } }
      const echo = `${server.rootToken} ${JSON.stringify(secrets)} ${'m'.repeat(100_000)}`
      server.answerNext(status, JSON.stringify({ errors: [`blocked by a proxy: ${echo}`] }))
      const error = await vault
        .put('a', secrets)
        .catch((thrown: unknown) => ConnectError.from(thrown))
      expect(JSON.stringify(error)).not.toMatch(/SECRET|blocked/)
      expect(error).toMatchObject({
        code: status === 500 ? 'vault_unreachable' : 'vault_refused',
        message: expect.stringContaining(`status ${String(status)}`) as string,
      })
      const logged = lines.filter((line) => line.includes('blocked'))
      expect(logged.join('')).toContain('blocked by a proxy: *** {')
      expect(logged.join('')).not.toContain('SECRET')
      expect(logged.join('').length).toBeLessThan(3_000)
    },
  )

  it('refuses a token that is unknown', async () => {
    await using vault = open({ token: 'hvs.wrong' })
    await expect(vault.check()).rejects.toMatchObject({ code: 'vault_refused' })
    await expect(vault.get('a')).rejects.toMatchObject({ code: 'vault_refused' })
  })

  it('refuses a mount that is missing, or of version 1', async () => {
    await using missing = open({ mount: 'nowhere' })
    await using old = open({ mount: 'old' })
    for (const vault of [missing, old]) {
      await expect(vault.check()).rejects.toMatchObject({ code: 'vault_refused' })
      await expect(vault.put('a', {})).rejects.toMatchObject({ code: 'vault_refused' })
    }
    await expect(missing.get('a')).rejects.toMatchObject({ code: 'vault_refused' })
  })

  it('keeps a token alive that can be renewed', async () => {
    server.addToken('hvs.short', { ttlMs: 400, renewable: true })
    await using vault = open({ token: 'hvs.short' })
    const renewals = () => server.requests.filter((request) => request.includes('renew-self'))
    await vi.waitFor(
      () => {
        expect(renewals().length).toBeGreaterThanOrEqual(4)
      },
      { timeout: 5_000 },
    )
    expect(await vault.get('a')).toBeNull()
  })

  it('leaves a token alone that cannot be renewed', async () => {
    server.addToken('hvs.fixed', { ttlMs: 60_000 })
    await using vault = open({ token: 'hvs.fixed' })
    await vi.waitFor(() => {
      expect(server.requests).toContain('GET auth/token/lookup-self')
    }, 10_000)
    await vault.check()
    expect(server.requests.join()).not.toContain('renew-self')
  })

  it('takes the token from a file for each request, as an agent replaces it', async () => {
    const file = join(await newFolder('token-file'), 'token')
    const lines: string[] = []
    const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) })
    const token = new TokenFile({ file, logger: log, lookMs: 20 })
    await using vault = open({ token, logger: log })
    await expect(vault.check()).rejects.toMatchObject({
      code: 'setting_invalid',
      message: `The setting vault_token_file (${file}) cannot be read (ENOENT)`,
    })
    server.addToken('hvs.first-SECRET', { ttlMs: 60_000 })
    await writeFile(file, 'hvs.first-SECRET\n')
    await vault.put('a', { '/t': '1' })

    // The agent has another one; the old one ends.
    server.addToken('hvs.first-SECRET', { ttlMs: -1 })
    server.addToken('hvs.second-SECRET', { ttlMs: 400, renewable: true })
    await replace(file, 'hvs.second-SECRET')
    expect(await vault.get('a')).toMatchObject({ version: 1 })
    await vi.waitFor(
      () => {
        expect(server.requests).toContain('POST auth/token/renew-self')
      },
      { timeout: 5_000 },
    )

    // While it cannot be read, the token of before is good.
    for (const broken of ['', 'two words', 'line\nSECRET']) {
      await replace(file, broken)
      expect(await vault.get('a')).toMatchObject({ version: 1 })
    }
    await rm(file)
    expect(await vault.get('a')).toMatchObject({ version: 1 })
    const warned = lines.filter((line) => line.includes('the token of before is used'))
    // A second time at most, if a read of the renewal was under way when the file changed.
    expect([1, 2]).toContain(warned.length)
    expect(lines.join('')).not.toContain('SECRET')
  })

  it('sends a request again if the token was replaced while it was refused', async () => {
    const file = join(await newFolder('token-file'), 'token')
    await writeFile(file, 'hvs.old')
    const token = new TokenFile({ file, logger })
    await using vault = open({ token })
    server.addToken('hvs.new', {})
    server.beforeAnswer(() => replace(file, 'hvs.new'))
    expect(await vault.get('a')).toBeNull()
  })
})
