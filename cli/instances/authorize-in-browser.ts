import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError } from '../../protocol/index.ts'
import { authorizationDocument, authorizedDocument } from '../../service/instances/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { askInstance, type InstanceDocument } from './instance-commands.ts'
import { LoopbackCallback } from './loopback-callback.ts'
import { spawn } from 'node:child_process'

export interface BrowserFlags {
  /** `--no-browser` makes it false. */
  readonly browser: boolean
  readonly callbackPort: number
  readonly serviceCallback?: true
}

/** As long as the service keeps a pending authorization. */
const patienceMs = 10 * 60_000
const pollMs = 1_000

/** OAuth in the browser. When it resolves, the instance is authorized. */
export async function authorizeInBrowser(
  context: CommandContext,
  instance: InstanceDocument,
  flags: BrowserFlags,
): Promise<void> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(patienceMs)])
  try {
    if (flags.serviceCallback === true)
      await throughService({ ...context, signal }, instance, flags)
    else await throughLoopback({ ...context, signal }, instance, flags)
  } catch (error) {
    if (!signal.aborted || context.signal.aborted) throw error
    throw new ConnectError('oauth_state_invalid', { cause: error })
  }
}

async function throughLoopback(
  context: CommandContext,
  { name }: InstanceDocument,
  flags: BrowserFlags,
): Promise<void> {
  await using callback = await LoopbackCallback.listen(flags.callbackPort)
  const { authorize_url: url, state } = await begin(context, name, callback.redirectUri)
  sendUser(context, url, flags)
  const query = await callback.next(state, context.signal)
  // The state replaces the key.
  await context.client.ask(
    { method: 'GET', path: apiPath('oauth', 'callback'), query },
    authorizedDocument,
  )
}

/** The browser returns to the service; the command sees it by the change of the instance. */
async function throughService(
  context: CommandContext,
  before: InstanceDocument,
  flags: BrowserFlags,
): Promise<void> {
  const { authorize_url: url } = await begin(context, before.name, undefined)
  sendUser(context, url, flags)
  for (;;) {
    const { document: now } = await askInstance(context, before.name)
    if (now.credentials === 'ready' && now.version !== before.version) return
    await sleep(pollMs, undefined, { signal: context.signal })
  }
}

async function begin(
  { client }: CommandContext,
  name: string,
  redirectUri: string | undefined,
): Promise<{ authorize_url: string; state: string }> {
  const { document } = await client.ask(
    {
      method: 'POST',
      path: apiPath('instances', name, 'authorize'),
      body: redirectUri === undefined ? {} : { redirect_uri: redirectUri },
    },
    authorizationDocument,
  )
  return document
}

function sendUser({ output }: CommandContext, url: string, flags: BrowserFlags): void {
  const { href, protocol } = new URL(url)
  if (!/^https?:$/.test(protocol)) {
    const problem = 'The connector sends the browser to an address that is not a web page'
    const fix = 'Check the OAuth settings of the connector.'
    throw new ConnectError('usage', { details: { problem, fix } })
  }
  output.screen.line(`Authorize here, within 10 minutes:\n\n  ${href}\n`)
  if (flags.browser) openBrowser(href)
}

/**
 * Opens an http(s) address in the user's browser, if there is one. The address was shown before: a failure
 * here does no harm.
 */
function openBrowser(url: string): void {
  // No shell: the address is one argument, whatever is in it.
  const child = spawn(process.platform === 'darwin' ? 'open' : 'xdg-open', [url], {
    stdio: 'ignore',
    detached: true,
  })
  child.on('error', () => undefined)
  child.unref()
}
