import { chmod, lstat, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { isNameOfSecrets } from './secrets-file.ts'

/**
 * Makes the folder (0700) if it is missing. Throws `vault_permissions` if others can reach it or a file in
 * it.
 */
export async function openPrivateFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  const user = process.geteuid?.()
  if (user === undefined) return // Windows has no modes
  if (made !== undefined) await chmod(folder, 0o700) // an odd umask
  await requirePrivateFolder(folder, user)
}

/** Throws `vault_permissions` if others than this user can reach the folder or a file in it. */
export async function requirePrivateFolder(folder: string, user: number): Promise<void> {
  const context = { folder, user, names: await userNames() }
  await requirePrivate('', context)
  for (const name of await readdir(folder)) await requirePrivate(name, context)
}

interface Context {
  readonly folder: string
  /** As which this process runs. */
  readonly user: number
  readonly names: ReadonlyMap<number, string>
}

async function requirePrivate(name: string, context: Context): Promise<void> {
  const path = join(context.folder, name)
  const stats = await lstat(path).catch((error: unknown) => {
    if (errorCodeOf(error) === 'ENOENT') return undefined // another process replaced it
    throw error
  })
  if (stats === undefined) return
  const entry = { name, uid: stats.uid, mode: stats.mode & 0o777, isLink: stats.isSymbolicLink() }
  const problem = privacyProblem(entry, context)
  if (problem !== undefined)
    throw new ConnectError('vault_permissions', { details: { path, ...problem } })
}

/** The folder of the vault (its name is empty), or something in it. */
export interface Entry {
  readonly name: string
  readonly uid: number
  readonly mode: number
  readonly isLink: boolean
}

/**
 * Why somebody else may reach the entry, and what to do. A link in place of a file of secrets, and such a
 * file of another user, concern that file alone: reading it fails.
 */
export function privacyProblem(
  { name, uid, mode, isLink }: Entry,
  { folder, user, names }: Context,
): { readonly reason: string; readonly fix: string } | undefined {
  const path = join(folder, name)
  const isOneOfMany = isNameOfSecrets(name)
  if (isLink) {
    if (isOneOfMany) return undefined
    const fix = `Run \`rm '${path}'\`, which removes the link alone, then start again.`
    return { reason: `${path} is a symbolic link`, fix }
  }
  const nameOf = (id: number): string => nameOfUser(id, names)
  if (uid !== user && !isOneOfMany) {
    const reason = `${path} belongs to user ${nameOf(uid)}, and this runs as ${nameOf(user)}`
    const give = `\`sudo chown -R ${user} '${folder}'\``
    if (name !== '') return { reason, fix: `Run ${give}, then start again.` }
    const runAs = `Run this as user ${nameOf(uid)}: \`sudo -u ${names.get(uid) ?? `'#${uid}'`} …\`.`
    // Root would take the vault away from the user of the service.
    if (user === 0) return { reason, fix: runAs }
    const fix = `${runAs} If the service runs as this user, and somebody else restored the folder, run ${give}.`
    return { reason, fix }
  }
  if ((mode & 0o077) === 0) return undefined
  return {
    reason: `others on this machine can reach ${path}: its mode is ${mode.toString(8)}`,
    fix: `Run \`chmod -R go= '${folder}'\`, then start again.`,
  }
}

function nameOfUser(id: number, names: ReadonlyMap<number, string>): string {
  const name = names.get(id)
  return name === undefined ? String(id) : `${name} (${id})`
}

/** Those that this machine knows; a server of users may know others. */
async function userNames(): Promise<ReadonlyMap<number, string>> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  const entries = lines.map((line) => line.split(':'))
  return new Map(entries.flatMap(([name = '', , id]) => (id ? [[Number(id), name]] : [])))
}
