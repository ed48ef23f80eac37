import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { errorCodeOf } from '../../../lib/files/error-code.ts'
import type { Credentials } from './cluster.ts'
import { dataFolder, type DataFolder } from './data-folder.ts'

/**
 * How programs of the service's user on this machine get into its embedded server, without the password
 * itself.
 */
export interface EmbeddedLogin {
  readonly host: '127.0.0.1'
  /** The port of the server that is running now. */
  readonly port: number
  readonly user: string
  /** Its password, in the format of libpq, readable by the service's user only. */
  readonly passwordFile: string
}

/** Written at each start: the password of a cluster never changes, but older versions made no such file. */
export async function writePasswordFile(
  folder: DataFolder,
  { user, password }: Credentials,
): Promise<void> {
  const fields = ['127.0.0.1', '*', '*', escaped(user), escaped(password)]
  await writeFile(folder.passwords, `${fields.join(':')}\n`, { mode: 0o600 })
}

/** https://www.postgresql.org/docs/current/libpq-pgpass.html */
function escaped(field: string): string {
  return field.replaceAll(/[\\:]/g, String.raw`\$&`)
}

/**
 * Undefined if no server runs in the folder. Throws the error of the file system if another user's service
 * does.
 */
export async function readEmbeddedLogin(dataDir: string): Promise<EmbeddedLogin | undefined> {
  const folder = dataFolder(resolve(dataDir))
  const file = await readFile(`${folder.cluster}/postmaster.pid`, 'utf8').catch(missing)
  const passwords = await readFile(folder.passwords, 'utf8').catch(missing)
  // Its lines: https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h
  const port = z.coerce.number().int().min(1).safeParse(file?.split('\n')[3])
  if (!port.success || passwords === undefined) return undefined
  const user = passwords.split(/(?<!\\):/)[3] ?? ''
  return {
    host: '127.0.0.1',
    port: port.data,
    user: user.replaceAll(/\\(.)/g, '$1'),
    passwordFile: folder.passwords,
  }
}

function missing(error: unknown): undefined {
  const code = errorCodeOf(error)
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
  throw error
}
