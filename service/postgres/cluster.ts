import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { ConnectError } from '../../protocol/errors/connect-error.ts'
import type { DataFolder } from './data-folder.ts'
import type { ServerAccount, ServerBinaries } from './server-binaries.ts'

const credentialsSchema = z.object({ user: z.string(), password: z.string() })
export type Credentials = z.infer<typeof credentialsSchema>

/** The environment of the server: its time zone and messages do not depend on who starts it. */
export const serverEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

interface ClusterPlan {
  readonly folder: DataFolder
  readonly binaries: ServerBinaries
  readonly account: ServerAccount | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  /** Whether the new files are forced to disk; a cluster that runs with fsync=off need not. */
  readonly sync: boolean
}

/** Opens the cluster of the folder, or makes it. A making that was killed half-way starts over. */
export async function openCluster(plan: ClusterPlan): Promise<Credentials> {
  const { folder } = plan
  const exists = await stat(folder.cluster).catch(() => undefined)
  if (exists !== undefined) {
    const saved = credentialsSchema.parse(JSON.parse(await readFile(folder.credentials, 'utf8')))
    return { user: plan.user ?? saved.user, password: plan.password ?? saved.password }
  }
  const credentials = {
    user: plan.user ?? 'postgres',
    password: plan.password ?? randomBytes(24).toString('base64url'),
  }
  await makeCluster(plan, credentials)
  return credentials
}

async function makeCluster(plan: ClusterPlan, credentials: Credentials): Promise<void> {
  const { folder, account } = plan
  const draft = `${folder.cluster}.new`
  const passwordFile = `${folder.root}/password.new`
  await rm(draft, { recursive: true, force: true })
  await writeFile(folder.credentials, JSON.stringify(credentials), { mode: 0o600 })
  await writeFile(passwordFile, credentials.password, { mode: 0o600 })
  try {
    if (account !== undefined) await chown(passwordFile, account.uid, account.gid)
    await runInitdb(plan, [
      `--pgdata=${draft}`,
      `--username=${credentials.user}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The built-in provider sorts and folds alike on every machine.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(plan.sync ? [] : ['--no-sync']),
    ])
  } finally {
    await rm(passwordFile, { force: true })
  }
  await rename(draft, folder.cluster)
}

async function runInitdb(plan: ClusterPlan, args: readonly string[]): Promise<void> {
  const child = spawn(plan.binaries.initdb, args, {
    cwd: '/',
    env: serverEnvironment,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(plan.account !== undefined && { uid: plan.account.uid, gid: plan.account.gid }),
  })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await once(child, 'close')
  if (child.exitCode === 0) return
  throw new ConnectError('embedded_postgres_failed', {
    details: {
      reason: `initdb ended with ${child.exitCode ?? child.signalCode}: ${output.trim()}`,
    },
  })
}
