import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import { ApiClient } from '../client/api-client.ts'
import { apiPath } from '../client/api-path.ts'
import { checkedService } from '../client/find-service.ts'
import { loginFile, removeLogin, writeLogin } from '../client/login-file.ts'
import type { Around } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'

export interface LoginFlags {
  readonly key?: string
  readonly password?: string
}

/** Keeps a key that the service takes. */
export async function login(
  { client, output, input, environment, signal }: Around,
  email: string | undefined,
  flags: LoginFlags,
): Promise<number> {
  if (email !== undefined || flags.password !== undefined)
    throw new ConnectError('not_available', {
      details: { feature: 'Login as a user of the Identity service' },
    })
  const given =
    flags.key ??
    (input.canAsk ? await input.askSecret('API key (not shown): ') : await input.readAll())
  const { url, key } = checkedService({ url: client.url, key: given.trim() })
  const path = apiPath('api-keys')
  await new ApiClient({ url, key }, signal).ask(
    { method: 'GET', path, query: { limit: 1 } },
    z.object({}),
  )
  const file = loginFile(environment)
  await writeLogin(file, { url, key })
  await showResult(output, { url, file }, () => `the key for ${url} is kept in ${file}\n`)
  return exitCodes.complete
}

export interface LogoutFlags {
  readonly json?: true
}

/** Also where the file is broken, so that it is no more in the way. */
export async function logout({
  output,
  environment,
}: Pick<Around, 'output' | 'environment'>): Promise<number> {
  const file = loginFile(environment)
  const removed = await removeLogin(file)
  const text = removed ? `removed ${file}` : 'no login was kept'
  await showResult(output, { removed }, () => `${text}\n`)
  return exitCodes.complete
}
