import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { findService, withValidLogin } from '../../../cli/client/find-service.ts'
import {
  keepLogin,
  loginFile,
  readLogins,
  removeLogin,
  removeLogins,
} from '../../../cli/client/login-file.ts'
import type { Environment } from '../../../plan/environment.ts'
import { writeLocalService } from '../../../service/serve/local-service-file.ts'
import { newFolder } from '../../support/new-folder.ts'

/** No file mode restricts root. */
const isRoot = process.geteuid?.() === 0

let home: string
let environment: Environment
beforeEach(async () => {
  home = await newFolder('home')
  environment = { HOME: home, REACTOR_CONNECT_DATA_DIR: home }
})

const local = { url: 'http://127.0.0.1:9001', apiKey: 'local-key' }
const login = { url: 'https://connect.example.com', key: 'login-key' }

/** A process that responds to everything. */
async function listening(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${String(port)}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('the service that is asked', () => {
  test('is that of the flags, else of the environment, else of the login, else of this machine', async () => {
    expect(await findService({}, environment)).toEqual({
      url: 'http://127.0.0.1:8007',
      key: undefined,
      from: 'default',
    })
    await writeLocalService(home, local)
    expect(await findService({}, environment)).toEqual({
      url: local.url,
      key: 'local-key',
      from: 'local',
    })
    await keepLogin(loginFile(environment), login)
    expect(await findService({}, environment)).toEqual({ ...login, from: 'login' })
    const inEnvironment = {
      ...environment,
      REACTOR_CONNECT_URL: 'http://e:1/',
      REACTOR_CONNECT_API_KEY: 'env-key',
    }
    expect(await findService({}, inEnvironment)).toEqual({
      url: 'http://e:1',
      key: 'env-key',
      from: 'environment',
    })
    const flags = { url: 'http://f:1/base/', key: 'flag-key' }
    expect(await findService(flags, inEnvironment)).toEqual({
      url: 'http://f:1/base',
      key: 'flag-key',
      from: 'flag',
    })
  })

  test('is of several processes on this machine the last one that responds', async () => {
    await using server = await listening()
    const gone = ['http://127.0.0.1:1', 'http://127.0.0.1:2']
    const own = { ...local, url: gone[0] ?? '', otherUrls: [server.url, ...gone.slice(1)] }
    await writeLocalService(home, own)
    const found = { key: 'local-key', from: 'local' }
    expect(await findService({}, environment)).toEqual({ ...found, url: server.url })
    await writeLocalService(home, { ...own, otherUrls: gone.slice(1) })
    expect(await findService({}, environment)).toEqual({ ...found, url: own.url })
    // A key is sent to each of them.
    const second = { url: gone[1] }
    expect(await findService(second, environment)).toEqual({
      ...second,
      key: 'local-key',
      from: 'flag',
    })
  })

  test.skipIf(isRoot)(
    'that belongs to another user is named as such, if no other service is meant',
    async () => {
      await writeLocalService(home, local)
      await chmod(join(home, 'local-service.json'), 0)
      await expect(findService({}, environment)).rejects.toMatchObject({
        code: 'usage',
        message: `The key of the service with the data folder ${home} is for its user alone`,
      })
      const { url } = login
      expect(await findService({ url }, environment)).toEqual({ url, key: undefined, from: 'flag' })
      await keepLogin(loginFile(environment), login)
      expect(await findService({}, environment)).toEqual({ ...login, from: 'login' })
    },
  )

  test('is not asked with an empty key', async () => {
    await expect(findService({ key: '' }, environment)).rejects.toMatchObject({
      message: 'The API key is empty',
    })
  })

  test('gets a kept key only at the address for which it was kept', async () => {
    await writeLocalService(home, local)
    await keepLogin(loginFile(environment), login)
    const keyFor = async (url: string): Promise<string | undefined> =>
      (await findService({ url }, environment)).key
    expect(await keyFor('https://evil.example.com')).toBeUndefined()
    expect(await keyFor('http://connect.example.com')).toBeUndefined()
    expect(await keyFor('https://connect.example.com/')).toBe('login-key')
    expect(await keyFor('http://127.0.0.1:9001')).toBe('local-key')
  })

  test.each([
    [{ url: 'ftp://x' }],
    [{ url: 'connect.example.com' }],
    [{ url: 'https://user:kit-secret@x' }],
    [{ url: 'http://x', key: 'kit-secret\nHost: evil' }],
  ])('%j is refused, without its secret', async (flags) => {
    const refused = await findService(flags, environment).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'usage' })
    expect(JSON.stringify(refused)).not.toContain('kit-secret')
  })
})

describe('logins', () => {
  let file: string
  beforeEach(() => {
    file = loginFile({ XDG_CONFIG_HOME: join(home, 'config') })
  })
  const ada = {
    url: 'https://other.example.com',
    key: 'a.b.c',
    user: { email: 'ada@example.com', expiresAt: '2026-11-26T12:00:00.000Z' },
  }

  test('are kept for their user alone, and removed', async () => {
    expect(file).toBe(join(home, 'config', 'reactor', 'login.json'))
    expect(await removeLogins(file)).toBe(false)
    await keepLogin(file, login)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readLogins(file)).toEqual([login])
    await writeFile(file, (await readFile(file, 'utf8')).slice(1))
    await expect(readLogins(file)).rejects.toMatchObject({ code: 'usage' })
    expect(await removeLogins(file)).toBe(true)
    expect(await readLogins(file)).toEqual([])
  })

  test('are kept by service, the last one first', async () => {
    await keepLogin(file, login)
    await keepLogin(file, ada)
    expect(await readLogins(file)).toEqual([ada, login])
    await keepLogin(file, { ...login, key: 'another' })
    expect(await readLogins(file)).toEqual([{ ...login, key: 'another' }, ada])
    expect(await removeLogin(file, 'https://unknown.example.com')).toBe(false)
    expect(await removeLogin(file, login.url)).toBe(true)
    expect(await readLogins(file)).toEqual([ada])
    expect(await removeLogin(file, ada.url)).toBe(true)
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('of a file that cannot be used are refused, with its name', async () => {
    const folder = loginFile(environment)
    await mkdir(folder, { recursive: true })
    const refused = {
      code: 'usage',
      message: `${folder}, which stores logins, cannot be used (EISDIR)`,
    }
    await expect(readLogins(folder)).rejects.toMatchObject(refused)
    await expect(findService({}, environment)).rejects.toMatchObject(refused)
  })

  test('of the time before users are read', async () => {
    await keepLogin(file, ada)
    await writeFile(file, JSON.stringify({ url: login.url, api_key: login.key }))
    expect(await readLogins(file)).toEqual([login])
  })

  test('that have expired are reported, and a key that is given is used instead', async () => {
    await keepLogin(loginFile(environment), ada)
    const found = await findService({}, environment)
    const expiresAtMs = Date.parse(ada.user.expiresAt)
    expect(withValidLogin(found, expiresAtMs - 1)).toBe(found)
    expect(() => withValidLogin(found, expiresAtMs)).toThrow(
      expect.objectContaining({ code: 'login_expired' }),
    )
    const given = await findService({}, { ...environment, REACTOR_CONNECT_API_KEY: 'key' })
    expect(withValidLogin(given, expiresAtMs)).toMatchObject({ url: ada.url, key: 'key' })
    const named = await findService({ url: ada.url }, environment)
    expect(named).toMatchObject({ key: ada.key, user: ada.user })
  })
})
