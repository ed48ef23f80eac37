import { z } from 'zod'
import { principalDocument } from '../../service/logins/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { ApiClient } from '../client/api-client.ts'
import type { ResolvedService } from '../client/find-service.ts'
import { plainText } from '../output/plain-text.ts'
import { finding, withClock, type Finding } from './finding.ts'

const readiness = z.object({
  status: z.string(),
  problems: z.array(z.string()),
  // A service of an earlier version does not have them.
  warnings: z.array(z.string()).default([]),
})
const openApi = z.object({ info: z.object({ version: z.string() }) })

const foundBy: Readonly<Record<ResolvedService['from'], string>> = {
  flag: 'named by --url',
  environment: 'named by REACTOR_CONNECT_URL',
  login: 'of the last `reactor auth login`',
  local: 'the one of this machine',
  default: 'where one would be by default',
}

/**
 * The service that the other commands use: whether it responds, is ready, accepts the key, and has our
 * version.
 */
export async function checkService(
  client: ApiClient,
  service: ResolvedService,
  version: string,
): Promise<readonly Finding[]> {
  const reached = await finding('service', () => checkReady(client, service))
  if (reached.status === 'failed') return [reached]
  return [
    reached,
    await finding('service version', () => checkVersion(client, version)),
    await finding('API key', async () => {
      const { from, key } = service
      const path = apiPath('auth', 'whoami')
      const { document } = await client.ask({ method: 'GET', path }, principalDocument)
      const who = `taken, as ${plainText(document.name)} (${document.kind})`
      const isStored = key !== undefined && (from === 'local' || from === 'login')
      return { name: 'API key', status: 'ok', detail: isStored ? `${who}, ${foundBy[from]}` : who }
    }),
  ]
}

async function checkReady(client: ApiClient, { url, from }: ResolvedService): Promise<Finding> {
  const name = 'service'
  const beforeMs = Date.now()
  const response = await client.exchange({ method: 'GET', path: '/readyz' })
  const middleMs = (beforeMs + Date.now()) / 2
  // The header has whole seconds.
  const aheadMs = Date.parse(response.headers.get('date') ?? '') + 500 - middleMs
  const { document } = client.parse(await response.text(), readiness)
  const detail = `${url} (${foundBy[from]})`
  const fix = 'See the log of the service for the causes.'
  if (document.problems.length === 0 && document.warnings.length > 0) {
    const warnings = plainText(document.warnings.join('; '))
    return { name, status: 'warning', detail: `${detail}: ${warnings}`, fix }
  }
  if (document.problems.length === 0)
    return withClock({ name, status: 'ok', detail }, Number.isNaN(aheadMs) ? 0 : aheadMs)
  const problems = plainText([...document.problems, ...document.warnings].join('; '))
  return { name, status: 'failed', detail: `${detail} is not ready: ${problems}`, fix }
}

async function checkVersion(client: ApiClient, version: string): Promise<Finding> {
  const name = 'service version'
  const path = apiPath('openapi.json')
  const { document } = await client.ask({ method: 'GET', path }, openApi)
  const theirs = plainText(document.info.version)
  if (theirs === version) return { name, status: 'ok', detail: theirs }
  const fix = 'Use a command line of the same version as the service.'
  return { name, status: 'warning', detail: `${theirs}, but this is ${version}`, fix }
}
