import { spawnSync } from 'node:child_process'
import { chown, lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ConnectError } from '../../../protocol/errors/connect-error.ts'
import type { ServerAccount } from './server-binaries.ts'
import { errorCodeOf } from '../../../lib/files/error-code.ts'

/** How long a server whose program was killed may take to shut down before a stronger signal is sent. */
const shutdownMs = 10_000

/**
 * The paths of one embedded server. The folder contains more than the cluster, so a half-made cluster is
 * never mistaken for one.
 */
export interface DataFolder {
  readonly root: string
  /** The database cluster (PGDATA). Exists only once it is complete. */
  readonly cluster: string
  /** The superuser's name and password, readable by the owner of this process only. */
  readonly credentials: string
  /** The same for psql: see `embedded-login.ts`. */
  readonly passwords: string
  /** The pid of the program that started the server. */
  readonly owner: string
  readonly log: string
}

export function dataFolder(root: string): DataFolder {
  return {
    root,
    cluster: join(root, 'pgdata'),
    credentials: join(root, 'superuser.json'),
    passwords: join(root, 'pgpass'),
    owner: join(root, 'owner.pid'),
    log: join(root, 'server.log'),
  }
}

/**
 * Makes the folder and takes it for this process. A server that a killed program left behind is shut down
 * first; throws `embedded_postgres_in_use` when that program still lives.
 */
export async function takeDataFolder(folder: DataFolder, account?: ServerAccount): Promise<void> {
  await mkdir(folder.root, { recursive: true, mode: 0o700 })
  if (account !== undefined) await giveTo(folder, account)
  await releaseFromDeadOwner(folder)
  await writeFile(folder.owner, String(process.pid), { mode: 0o600 })
}

async function giveTo(folder: DataFolder, account: ServerAccount): Promise<void> {
  await chown(folder.root, account.uid, account.gid)
  const stats = await lstat(folder.cluster).catch(() => undefined)
  if (stats !== undefined && stats.uid !== account.uid) await chownTree(folder.cluster, account)
  const { uid, gid } = account
  const reached = spawnSync('test', ['-w', folder.root], { uid, gid, cwd: '/' })
  if (reached.status === 0) return
  throw new ConnectError('embedded_postgres_unreachable', {
    details: { folder: folder.root, account: account.name },
  })
}

async function chownTree(path: string, account: ServerAccount): Promise<void> {
  await chown(path, account.uid, account.gid)
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isSymbolicLink()) {
      await chown(join(entry.parentPath, entry.name), account.uid, account.gid)
    }
  }
}

async function releaseFromDeadOwner(folder: DataFolder): Promise<void> {
  const pidFile = join(folder.cluster, 'postmaster.pid')
  const pid = Number.parseInt(await textOf(pidFile), 10)
  // PostgreSQL handles a dead pid, and also waits for orphaned backends through the shared memory noted in
  // the file.
  if (!Number.isInteger(pid) || !isAlive(pid)) return
  if (!(await isServerOf(folder, pid))) {
    await rm(pidFile, { force: true }) // now the pid of another program
    return
  }
  const owner = Number.parseInt(await textOf(folder.owner), 10)
  if (Number.isInteger(owner) && isAlive(owner)) {
    throw new ConnectError('embedded_postgres_in_use', {
      details: { folder: folder.root, pid: owner },
    })
  }
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    process.kill(pid, signal)
    if (await isGone(pid)) return
  }
}

async function isGone(pid: number): Promise<boolean> {
  const giveUpAt = Date.now() + shutdownMs
  while (isAlive(pid)) {
    if (Date.now() > giveUpAt) return false
    await delay(20)
  }
  return true
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCodeOf(error) === 'EPERM'
  }
}

async function isServerOf(folder: DataFolder, pid: number): Promise<boolean> {
  const command =
    process.platform === 'linux'
      ? await textOf(`/proc/${pid}/cmdline`)
      : spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout
  return command.includes(folder.cluster)
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return ''
    throw error
  }
}
