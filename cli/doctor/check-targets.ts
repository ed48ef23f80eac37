import { exchange } from '../../lib/net/exchange.ts'
import { requestFailure } from '../../protocol/index.ts'
import { functionsService } from '../../service/serve/functions-service.ts'
import type { Settings } from '../../service/platform/config/settings.ts'
import { plainText } from '../output/plain-text.ts'
import type { Finding } from './finding.ts'

const timeoutMs = 10_000
const maxResponseBytes = 1024 * 1024

/** Programs that the service sends records or events to. */
export function checkTargets(settings: Settings): readonly Promise<Finding>[] {
  const functions = functionsService(settings)
  return [
    ...(functions === undefined
      ? []
      : [
          checkTarget('Functions service', functions.url, {
            apiKey: functions.apiKey,
            variables: '`REACTOR_CONNECT_FUNCTIONS_URL` and `REACTOR_CONNECT_FUNCTIONS_API_KEY`',
          }),
        ]),
    ...Object.entries(settings.jobsHandlers).map(([name, url]) =>
      checkTarget(`handler ${name}`, url, { variables: '`REACTOR_CONNECT_JOBS_HANDLERS`' }),
    ),
  ]
}

interface TargetOptions {
  readonly apiKey?: string | undefined
  readonly variables: string
}

/**
 * A GET does nothing there. Any response shows that a program listens; only a POST would show that it takes
 * events.
 */
async function checkTarget(
  name: string,
  url: string,
  { apiKey, variables }: TargetOptions,
): Promise<Finding> {
  const shown = plainText(new URL(url).origin)
  const fix = `Start it, or correct ${variables}.`
  try {
    const headers = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` }
    const request = { method: 'GET', headers, timeoutMs, maxResponseBytes }
    const { status } = await exchange(url, request)
    const isRefused = status === 401 || status === 403
    if (isRefused && apiKey !== undefined)
      return { name, status: 'failed', detail: `${shown} refuses the key (${status})`, fix }
    return { name, status: 'ok', detail: `${shown} responds` }
  } catch (error) {
    const detail = plainText(`${shown} does not respond: ${requestFailure(error)}`)
    return { name, status: 'failed', detail, fix }
  }
}
