import { randomBytes } from 'node:crypto'
import { startDataService, type FakeDataService } from '../fakes/data-service.ts'
import { testDatabase, type TestDatabase } from './postgres.ts'

/**
 * A Data service whose datasets are schemas of a real database, which one role owns; the logins are others,
 * as docs/data.md says.
 */
export interface DataPlace extends AsyncDisposable {
  readonly service: FakeDataService
  readonly database: TestDatabase
  /** In every password and key, and nowhere else. */
  readonly mark: string
  /** The settings that name it. */
  readonly environment: Readonly<Record<string, string>>
  /** An address with a password that is wrong. */
  readonly wrongAddress: string
  /** Ends the login of before, and hands out another one from here on. */
  replaceLogin(): Promise<void>
}

/** The schema that a dataset gets: not its own name, so that a test sees who chose it. */
export function schemaOf(dataset: string): string {
  return `ds_${dataset}`
}

export async function openDataPlace(
  options: { readonly port?: number; readonly apiKey?: string } = {},
): Promise<DataPlace> {
  await using parts = new AsyncDisposableStack()
  const database = parts.use(await testDatabase())
  const mark = `Planted${randomBytes(6).toString('hex')}`
  const logins = await openLogins(database, mark)
  parts.defer(() => logins.drop())
  const connectionOf = (dataset: string): Record<string, unknown> => ({
    url: logins.address(),
    schema: schemaOf(dataset),
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  })
  const service = parts.use(
    await startDataService({ create: connectionOf, apiKey: `${mark}-key`, ...options }),
  )
  const open = parts.move()
  return {
    service,
    database,
    mark,
    environment: {
      REACTOR_CONNECT_DATA_URL: service.url,
      REACTOR_CONNECT_DATA_API_KEY: service.apiKey,
    },
    wrongAddress: logins.address(`${mark}-wrong`),
    replaceLogin: async () => {
      await logins.replace()
      for (const dataset of service.datasets.keys())
        service.datasets.set(dataset, connectionOf(dataset))
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

interface Logins {
  /** The address of the present login. Its own password is used if none is given. */
  readonly address: (password?: string) => string
  readonly replace: () => Promise<void>
  readonly drop: () => Promise<void>
}

async function openLogins(database: TestDatabase, mark: string): Promise<Logins> {
  const { database: name, host, port } = database.address
  const owner = `owner_${randomBytes(6).toString('hex')}`
  await database.query(`CREATE ROLE ${owner} NOLOGIN`)
  await database.query(`GRANT CREATE, TEMPORARY ON DATABASE "${name}" TO ${owner}`)
  const made: { readonly role: string; readonly password: string }[] = []
  const add = async (): Promise<void> => {
    const login = { role: `${owner}_${made.length}`, password: `${mark}-${made.length}+/=&"x y` }
    await database.query(
      `CREATE ROLE ${login.role} LOGIN PASSWORD '${login.password}' IN ROLE ${owner}`,
    )
    await database.query(`ALTER ROLE ${login.role} SET role ${owner}`)
    made.push(login)
  }
  await add()
  return {
    address: (given) => {
      const { role = '', password = '' } = made.at(-1) ?? {}
      const login = `${role}:${encodeURIComponent(given ?? password)}`
      return `postgresql://${login}@${host}:${port}/${name}?sslmode=disable`
    },
    replace: async () => {
      const before = made.at(-1)?.role ?? ''
      await add()
      await database.query(`ALTER ROLE ${before} NOLOGIN`)
      // A session that is open would go on.
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${before}'`,
      )
    },
    drop: async () => {
      await database.query(`DROP OWNED BY ${owner} CASCADE`)
      for (const { role } of made) await database.query(`DROP ROLE ${role}`)
      await database.query(`DROP ROLE ${owner}`)
    },
  }
}
