import { randomBytes } from 'node:crypto'
import { startDataService, type FakeDataService } from '../fakes/data-service.ts'
import { testDatabase, type TestDatabase } from './postgres.ts'

/** A Data service whose datasets are schemas of a real database, with a login of its own. */
export interface DataPlace extends AsyncDisposable {
  readonly service: FakeDataService
  readonly database: TestDatabase
  /** In every password and key, and nowhere else. */
  readonly mark: string
  /** The settings that name it. */
  readonly environment: Readonly<Record<string, string>>
  /** The address with this password, which need not be the right one. */
  addressWith(password: string): string
  /** Gives the role another password, and hands it out from here on. */
  replacePassword(): Promise<void>
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
  const role = `loader_${randomBytes(6).toString('hex')}`
  let count = 0
  let password = `${mark}-0+/=&"x y`
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`)
  const { database: name, host, port } = database.address
  await database.query(`GRANT CREATE, TEMPORARY ON DATABASE "${name}" TO ${role}`)
  parts.defer(async () => {
    await database.query(`DROP OWNED BY ${role} CASCADE`)
    await database.query(`DROP ROLE ${role}`)
  })
  const addressWith = (text: string): string =>
    `postgresql://${role}:${encodeURIComponent(text)}@${host}:${port}/${name}?sslmode=disable`
  const connectionOf = (dataset: string): Record<string, unknown> => ({
    url: addressWith(password),
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
    addressWith,
    replacePassword: async () => {
      count += 1
      password = `${mark}-${count}+/=&"x y`
      await database.query(`ALTER ROLE ${role} PASSWORD '${password}'`)
      for (const dataset of service.datasets.keys())
        service.datasets.set(dataset, connectionOf(dataset))
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
