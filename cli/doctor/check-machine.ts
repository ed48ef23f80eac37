import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { finding, type Finding } from './finding.ts'

const oldestNode = 24
const gigabyte = 1024 ** 3

export function checkVersions(version: string): Finding {
  const name = 'versions'
  const detail = `reactor ${version}, Node ${process.versions.node}`
  if (Number(process.versions.node.split('.')[0]) >= oldestNode)
    return { name, status: 'ok', detail }
  const fix = `Run it with Node ${oldestNode}: \`npm run reactor -- connect doctor\` does.`
  return { name, status: 'failed', detail, fix }
}

export async function checkDataFolder(folder: string): Promise<Finding> {
  const name = 'data folder'
  return finding(name, async () => {
    const stats = await stat(folder).catch((error: unknown) => {
      if (errorCodeOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (stats === undefined)
      return { name, status: 'ok', detail: `${folder} (made at the first start of the service)` }
    if (!stats.isDirectory()) {
      const fix =
        'Name the data folder of the service with `--data-dir` or `REACTOR_CONNECT_DATA_DIR`.'
      return { name, status: 'failed', detail: `${folder} is not a folder`, fix }
    }
    const uid = process.geteuid?.() ?? 0
    if (uid !== 0 && stats.uid !== uid) {
      const detail = `${folder} belongs to user ${stats.uid}, not to ${uid}`
      const fix =
        'Run this as the user of the service, or give the folder to this one (`chown -R`).'
      return { name, status: 'failed', detail, fix }
    }
    // If root serves, others may pass through it to the PostgreSQL server, but not list it.
    if ((stats.mode & 0o066) === 0) return { name, status: 'ok', detail: folder }
    const mode = (stats.mode & 0o777).toString(8)
    const fix = `Run \`chmod 700 '${folder}'\`.`
    return { name, status: 'warning', detail: `${folder} is open to others (${mode})`, fix }
  })
}

/** Where the data folder is, or will be. */
export async function checkDisk(folder: string): Promise<Finding> {
  const name = 'disk'
  return finding(name, async () => {
    const { bavail, bsize } = await statfs(await existing(folder))
    const free = (bavail * bsize) / gigabyte
    const detail = `${free.toFixed(1)} GiB free for the data folder`
    if (free >= 2) return { name, status: 'ok', detail }
    const fix = 'Free some space: PostgreSQL stops writing on a full disk.'
    return { name, status: free < 0.2 ? 'failed' : 'warning', detail, fix }
  })
}

async function existing(folder: string): Promise<string> {
  for (let current = folder; ; current = dirname(current)) {
    const isThere = await stat(current).then(
      () => true,
      () => false,
    )
    if (isThere || current === dirname(current)) return current
  }
}
