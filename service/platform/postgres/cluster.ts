import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/errors/connect-error.ts'
import type { DataFolder } from './data-folder.ts'
import { endWithThisProcess } from './end-with-this-process.ts'
import type { ServerAccount, ServerBinaries } from './server-binaries.ts'

const credentialsSchema = z.object({ user: z.string(), password: z.string() })
export type Credentials = z.infer<typeof credentialsSchema>

/** The environment of the server: its time zone and messages do not depend on the user who starts it. */
export const serverEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** A cluster in the making: `pgdata` appears by a rename, whole or not at all. */
const draftPrefix = 'pgdata.new-'

interface ClusterPlan {
  readonly folder: DataFolder
  readonly binaries: ServerBinaries
  readonly account: ServerAccount | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  /** Whether the new files are forced to disk; a cluster that runs with fsync=off need not. */
  readonly sync: boolean
}

/** Opens the cluster of the folder, or creates it. A creation that was killed starts over. */
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
  await removeDrafts(folder)
  // A unique name: the initdb of a killed program may still be writing for a moment.
  const draft = join(folder.root, `${draftPrefix}${randomBytes(6).toString('hex')}`)
  const passwordFile = `${draft}.password`
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
      // The built-in provider sorts and folds in the same way on every machine.
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

async function removeDrafts(folder: DataFolder): Promise<void> {
  for (const name of await readdir(folder.root)) {
    if (!name.startsWith(draftPrefix)) continue
    await rm(join(folder.root, name), { recursive: true, force: true, maxRetries: 20 })
  }
}

async function runInitdb(plan: ClusterPlan, args: readonly string[]): Promise<void> {
  const child = spawn(plan.binaries.initdb, args, {
    cwd: '/',
    env: serverEnvironment,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(plan.account !== undefined && { uid: plan.account.uid, gid: plan.account.gid }),
  })
  endWithThisProcess(child, 'KILL')
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
