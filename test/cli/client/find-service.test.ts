import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findService } from '../../../cli/client/find-service.ts'
import { loginFile, readLogin, removeLogin, writeLogin } from '../../../cli/client/login-file.ts'
import type { Environment } from '../../../service/config/environment.ts'
import { writeLocalService } from '../../../service/serve/local-service-file.ts'

let home: string
let environment: Environment
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'reactor-home-'))
  environment = { HOME: home, REACTOR_CONNECT_DATA_DIR: home }
})
afterEach(async () => {
  await rm(home, { recursive: true })
})

const local = { url: 'http://127.0.0.1:9001', apiKey: 'local-key' }
const login = { url: 'https://connect.example.com', key: 'login-key' }

describe('the service that is asked', () => {
  test('is that of the flags, else of the environment, else of the login, else of this machine', async () => {
    expect(await findService({}, environment)).toEqual({
      ...{ url: 'http://127.0.0.1:8007', key: undefined, from: 'default' },
    })
    await writeLocalService(home, local)
    expect(await findService({}, environment)).toEqual({
      ...{ url: local.url, key: 'local-key', from: 'local' },
    })
    await writeLogin(loginFile(environment), login)
    expect(await findService({}, environment)).toEqual({ ...login, from: 'login' })
    const inEnvironment = {
      ...environment,
      REACTOR_CONNECT_URL: 'http://e:1/',
      REACTOR_CONNECT_API_KEY: 'env-key',
    }
    expect(await findService({}, inEnvironment)).toEqual({
      ...{ url: 'http://e:1', key: 'env-key', from: 'environment' },
    })
    const flags = { url: 'http://f:1/base/', key: 'flag-key' }
    expect(await findService(flags, inEnvironment)).toEqual({
      ...{ url: 'http://f:1/base', key: 'flag-key', from: 'flag' },
    })
  })

  test('gets a kept key only at the address for which it was kept', async () => {
    await writeLocalService(home, local)
    await writeLogin(loginFile(environment), login)
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

test('a login is kept for its user alone, and removed', async () => {
  const file = loginFile({ XDG_CONFIG_HOME: join(home, 'config') })
  expect(file).toBe(join(home, 'config', 'reactor', 'login.json'))
  expect(await removeLogin(file)).toBe(false)
  await writeLogin(file, login)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await readLogin(file)).toEqual(login)
  await writeFile(file, (await readFile(file, 'utf8')).slice(1))
  await expect(readLogin(file)).rejects.toMatchObject({ code: 'usage' })
  expect(await removeLogin(file)).toBe(true)
  expect(await readLogin(file)).toBeUndefined()
})
