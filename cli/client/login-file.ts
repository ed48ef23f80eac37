import { mkdir, readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { Environment } from '../../service/config/environment.ts'
import { errorCodeOf, replaceFile } from '../../service/vault/private-files.ts'

const loginSchema = z.object({ url: z.string(), api_key: z.string() })

/** What `reactor auth login` keeps for the commands after it. */
export interface Login {
  readonly url: string
  readonly key: string
}

/** `$XDG_CONFIG_HOME/reactor/login.json`, else in `~/.config`. */
export function loginFile(environment: Environment): string {
  const { XDG_CONFIG_HOME: config = '', HOME: home = '' } = environment
  const folder = config === '' ? join(home === '' ? homedir() : home, '.config') : config
  return join(folder, 'reactor', 'login.json')
}

/** Durable when it resolves; only the user can read it. */
export async function writeLogin(file: string, { url, key }: Login): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await replaceFile(file, `${JSON.stringify({ url, api_key: key }, null, 2)}\n`)
}

/** Undefined where there is none. Throws `usage` for a file that is broken. */
export async function readLogin(file: string): Promise<Login | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT' || errorCodeOf(error) === 'ENOTDIR') return undefined
    throw error
  }
  try {
    const { url, api_key: key } = loginSchema.parse(JSON.parse(text))
    return { url, key }
  } catch (error) {
    const problem = `${file} is not what \`reactor auth login\` writes`
    const fix = 'Run `reactor auth logout`, then `reactor auth login` again.'
    throw new ConnectError('usage', { details: { problem, fix }, cause: error })
  }
}

/** True where there was one. */
export async function removeLogin(file: string): Promise<boolean> {
  try {
    await rm(file)
    return true
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT' || errorCodeOf(error) === 'ENOTDIR') return false
    throw error
  }
}
