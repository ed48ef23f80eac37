import { principalDocument } from '../../service/logins/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { plainText } from '../output/plain-text.ts'

/** Shows the principal of the caller. */
export async function whoami({ client, service, output }: CommandContext): Promise<number> {
  const path = apiPath('auth', 'whoami')
  const { json, document } = await client.ask({ method: 'GET', path }, principalDocument)
  const { name, kind, via, id } = document
  const how = via === 'api_key' ? `API key ${id}` : 'logged in'
  const until = service.user === undefined ? '' : ` until ${formatTime(service.user.expiresAt)}`
  await showResult(
    output,
    json,
    () => `${plainText(name)} (${kind}) at ${service.url}, ${plainText(how)}${until}\n`,
  )
  return exitCodes.complete
}
