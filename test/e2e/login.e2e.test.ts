import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  reactor,
  type CommandEnd as InProcessEnd,
  type CommandOptions,
} from '../cli/service-command-line.ts'
import { IdentityService } from '../fakes/identity-service.ts'
import { metadataTemplate, testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  serviceFolder,
  type ServiceFolder,
  type ServiceProcess,
} from '../support/service-process.ts'
import { startCommand, type CommandEnd } from './command.ts'
import { newFolder } from '../support/new-folder.ts'
import { longTest } from '../support/long.ts'

const keptLogins = z.object({
  logins: z.array(z.looseObject({ url: z.string(), token: z.string(), expires_at: z.string() })),
})

/** A person at a machine of their own, where no service runs. */
class Person {
  readonly home: string
  readonly #environment: Readonly<Record<string, string>>

  private constructor(home: string, url: string) {
    this.home = home
    this.#environment = { HOME: home, REACTOR_CONNECT_DATA_DIR: home, REACTOR_CONNECT_URL: url }
  }

  static async at(url: string): Promise<Person> {
    return new Person(await newFolder('person'), url)
  }

  get loginFile(): string {
    return join(this.home, '.config', 'reactor', 'login.json')
  }

  /** In a process of its own, as a user runs it. */
  async command(argv: readonly string[]): Promise<CommandEnd> {
    return startCommand(argv, { environment: this.#environment }).end
  }

  /** Does the same in this process, which is faster. `answers`: a user's input at a terminal. */
  async reactor(
    line: string | readonly string[],
    given: Pick<CommandOptions, 'stdin' | 'answers'> = {},
  ): Promise<InProcessEnd> {
    const argv = typeof line === 'string' ? line.split(' ') : line
    return reactor(argv, { environment: this.#environment, ...given })
  }

  /** Runs a command that has to succeed. Returns its output. */
  async succeeds(
    line: string | readonly string[],
    given: Pick<CommandOptions, 'stdin' | 'answers'> = {},
  ): Promise<string> {
    const end = await this.reactor(line, given)
    expect(end, `${String(line)}: ${end.err}`).toMatchObject({ code: 0 })
    return end.out
  }

  async token(): Promise<string> {
    const { logins } = keptLogins.parse(JSON.parse(await readFile(this.loginFile, 'utf8')))
    return logins[0]?.token ?? ''
  }
}

let metadata: TestDatabase
let folder: ServiceFolder
beforeAll(async () => {
  metadata = await testDatabase(metadataTemplate)
  folder = await serviceFolder()
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
})

async function start(environment: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  return folder.start({
    environment: {
      REACTOR_CONNECT_DATABASE_URL: metadata.url,
      REACTOR_CONNECT_LOG_LEVEL: 'trace',
      ...environment,
    },
  })
}

/** Access to the folder of the service includes its first key. */
async function asAdmin(
  line: string,
  given: Pick<CommandOptions, 'stdin'> = {},
): Promise<InProcessEnd> {
  const environment = { HOME: folder.path, REACTOR_CONNECT_DATA_DIR: folder.path }
  return reactor(line.split(' '), { environment, ...given })
}

describe('without an Identity service', () => {
  const password = 'kit-horse battery "staple"'
  let service: ServiceProcess
  beforeAll(async () => {
    service = await start()
    const add = 'auth users add ada@example.com --role operator --password-stdin'
    const added = await asAdmin(add, { stdin: `${password}\n` })
    expect(added).toMatchObject({ code: 0, out: '', err: 'added ada@example.com, operator\n' })
  })
  afterAll(async () => {
    await service.stop()
  })

  test('a user logs in as documented, works, and logs out', async () => {
    const ada = await Person.at(service.url)
    const early = await ada.reactor('connect instances list')
    expect(early.err).toContain('[unauthorized]')
    const wrong = await ada.reactor(['auth', 'login', 'ada@example.com', '--password', 'wrong'])
    expect(wrong.code).toBe(1)
    expect(wrong.err).toContain('[login_refused]')
    const login = ['auth', 'login', 'ada@example.com', '--password', password]
    const loggedIn = await ada.command(login)
    expect(loggedIn.err).toBe('')
    expect(loggedIn.out).toMatch(
      /^logged in to http:\S+ as ada@example\.com \(operator\) until \d{4}-.*; stored in .*login\.json\n$/,
    )
    expect((await stat(ada.loginFile)).mode & 0o777).toBe(0o600)
    expect(await readFile(ada.loginFile, 'utf8')).not.toContain('kit-horse')

    expect(await ada.succeeds('auth whoami')).toContain('ada@example.com (operator) at http:')
    expect(await ada.succeeds('connect instances list')).toContain('no instances yet')
    const token = await ada.token()
    expect((await ada.command(['auth', 'logout'])).out).toContain('forgot ada@example.com at http:')
    await expect(stat(ada.loginFile)).rejects.toMatchObject({ code: 'ENOENT' })
    const headers = { authorization: `Bearer ${token}` }
    const after = await fetch(`${service.url}/connect/v1/auth/whoami`, { headers })
    expect(after.status).toBe(401)
  })

  longTest(
    'a made password is shown once, changed by its user, reset by the admin, and gone with the user',
    async () => {
      const bob = await Person.at(service.url)
      const added = await asAdmin('auth users add bob@example.com --role viewer')
      const made = added.out.trim()
      expect(made).toMatch(/^[\w-]{20}$/)
      expect((await asAdmin('auth users list')).out).toMatch(
        /\nbob@example\.com +viewer .* never *\n/,
      )
      await bob.succeeds('auth login bob@example.com --password-stdin', { stdin: `${made}\n` })
      const own = 'kit-horse of bob'
      expect(await bob.succeeds('auth password', { stdin: `${made}\n${own}\n` })).toContain(
        'is changed',
      )
      expect(await bob.succeeds('auth whoami')).toContain('bob@example.com (viewer)')

      expect((await asAdmin('auth users role bob@example.com --role operator')).code).toBe(0)
      expect(await bob.succeeds('auth whoami')).toContain('bob@example.com (operator)')
      const reset = await asAdmin('auth users reset bob@example.com')
      expect((await bob.reactor('auth whoami')).err).toContain('[unauthorized]')
      await bob.succeeds('auth login bob@example.com --password-stdin', { stdin: reset.out })
      expect((await asAdmin('auth users remove bob@example.com --yes')).out).toBe(
        'removed bob@example.com\n',
      )
      expect((await bob.reactor('auth whoami')).err).toContain('[unauthorized]')
    },
  )

  longTest(
    'a password is asked for at a terminal, and warned of on a command line there',
    async () => {
      const ada = await Person.at(service.url)
      const asked = await ada.reactor('auth login ada@example.com', { answers: [password] })
      expect(asked).toMatchObject({ code: 0, err: 'Password (not shown): ' })
      const shown = ['auth', 'login', 'ada@example.com', '--password', password]
      const warned = await ada.reactor(shown, { answers: [] })
      expect(warned.code).toBe(0)
      expect(warned.err).toMatch(/^warning: a password on a command line/)
      const own = 'kit-horse of ada'
      const misspelt = await ada.reactor('auth password', { answers: [password, own, 'other'] })
      expect(misspelt).toMatchObject({ code: 2 })
      await ada.succeeds('auth password', { answers: [password, own, own] })
      await ada.succeeds('auth password', { answers: [own, password, password] })
      for (const wrong of [
        'auth login ada@example.com',
        'auth login ada@example.com --key k',
        'auth login --password p',
        'auth login ada@example.com --password p --password-stdin',
      ])
        expect(await ada.reactor(wrong), wrong).toMatchObject({ code: 2, out: '' })
      expect(asked.out + asked.err + warned.out + warned.err).not.toContain('kit-horse')
    },
  )

  longTest('a login that has expired says to log in again, and is not sent', async () => {
    const ada = await Person.at(service.url)
    await ada.succeeds(['auth', 'login', 'ada@example.com', '--password', password])
    const file = await readFile(ada.loginFile, 'utf8')
    await writeFile(ada.loginFile, file.replace(/"expires_at": "\d{4}/, '"expires_at": "2020'))
    const { code, err } = await ada.reactor('connect instances list')
    expect(code).toBe(1)
    expect(err).toContain('[login_expired]')
    expect(err).toContain('reactor auth login ada@example.com --url http://127.0.0.1')
    await ada.succeeds(['auth', 'login', 'ada@example.com', '--password', password])
    await ada.succeeds('auth whoami')
  })

  test('no password and no token is in the database, the data folder or a log', async () => {
    const ada = await Person.at(service.url)
    await ada.succeeds(['auth', 'login', 'ada@example.com', '--password', password])
    // A password in the place of the e-mail.
    await ada.reactor(['auth', 'login', `${password}@`, '--password', password])
    const kept = [service.output(), await dump(metadata), ...(await filesIn(folder.path))].join(
      '\n',
    )
    expect(kept).toContain('scrypt$32768$8$3$')
    expect(kept).toContain('"a login was refused"')
    expect(kept).not.toContain('kit-horse')
    for (const part of (await ada.token()).split('.').slice(1)) expect(kept).not.toContain(part)
  })
})

longTest(
  'with an Identity service its users log in there, and their tokens are taken here',
  async () => {
    await using identity = await IdentityService.start()
    const password = 'kit-password of eve'
    identity.users.set('eve@example.com', { password, role: 'viewer' })
    const service = await start({ REACTOR_CONNECT_IDENTITY_URL: identity.issuer })
    const eve = await Person.at(service.url)
    const login = 'auth login eve@example.com --password-stdin'
    expect((await eve.reactor(login, { stdin: 'wrong' })).err).toContain('[login_refused]')
    expect(await eve.succeeds(login, { stdin: password })).toContain('as eve@example.com (viewer)')
    expect(identity.logins.at(-1)).toEqual({
      email: 'eve@example.com',
      password,
      audience: 'reactor-connect',
    })
    expect(await eve.succeeds('auth whoami')).toContain('eve@example.com (viewer)')
    expect(await eve.succeeds('connect instances list')).toContain('no instances yet')
    expect((await asAdmin('auth users list')).err).toContain('[identity_external]')
    expect(await eve.succeeds('auth logout')).toContain('forgot eve@example.com')

    identity.users.set('eve@example.com', { password, role: 'queen' })
    expect((await eve.reactor(login, { stdin: password })).err).toContain('[role_missing]')
    await expect(stat(eve.loginFile)).rejects.toMatchObject({ code: 'ENOENT' })
    const kept = [service.output(), await dump(metadata)].join('\n')
    expect(kept).not.toContain('kit-password')
    await service.stop()
  },
)

/** All that the metadata database holds, as text. */
async function dump(database: TestDatabase): Promise<string> {
  const tables = await database.query(
    `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS name
     FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )
  const texts: string[] = []
  for (const { name } of z.array(z.object({ name: z.string() })).parse(tables)) {
    const rows = await database.query(`SELECT t::text AS row FROM ${name} t`)
    texts.push(JSON.stringify(rows))
  }
  return texts.join('\n')
}

async function filesIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')),
  )
}
