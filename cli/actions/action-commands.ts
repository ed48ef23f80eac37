import { randomUUID } from 'node:crypto'
import { ConnectError } from '../../protocol/index.ts'
import {
  actionDocument,
  actionListDocument,
  invokeDocument,
  type DryRun,
} from '../../service/actions/schema.ts'
import type { Wire } from '../../service/platform/wire.ts'
import { actionText } from '../catalog/action-text.ts'
import { checkInvocation, type ActionPlace, type InvokeFlags } from './check-invocation.ts'
import { apiPath } from '../client/api-path.ts'
import { withInstance } from './with-instance.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { readJsonObject } from '../input/json-input.ts'
import { showResult } from '../output/command-output.ts'
import { listLines } from '../output/list-lines.ts'
import { formatTime } from '../output/format-time.ts'
import { plainText } from '../output/plain-text.ts'
import { jsonText } from '../output/json-text.ts'

export async function listActions(
  { client, output }: CommandContext,
  instance: string,
): Promise<number> {
  const path = apiPath('instances', instance, 'actions')
  const { document } = await withInstance(client, instance, () =>
    client.ask({ method: 'GET', path }, actionListDocument),
  )
  const { items } = document
  await showResult(output, items, () =>
    listLines({
      header: ['ACTION', 'EFFECT', 'DRY RUN', 'TITLE'],
      rows: items.map(({ name, effect, dry_run: level, title }) => [name, effect, level, title]),
      columns: output.columns,
      empty: {
        what: 'actions',
        because: `of the connector of ${instance}`,
        next: 'reactor connect catalog list',
      },
    }),
  )
  return exitCodes.complete
}

export async function showAction(
  { client, output }: CommandContext,
  { instance, action }: ActionPlace,
): Promise<number> {
  const path = apiPath('instances', instance, 'actions', action)
  const { json, document } = await withInstance(
    client,
    instance,
    () => client.ask({ method: 'GET', path }, actionDocument),
    action,
  )
  const next = `try it: reactor connect actions invoke ${instance} ${document.name} --input '{…}' --dry-run\n`
  await showResult(output, json, () => actionText(document, next))
  return exitCodes.complete
}

export async function invokeAction(
  context: CommandContext,
  place: ActionPlace,
  flags: InvokeFlags,
): Promise<number> {
  const { client, output, input, signal } = context
  const checked = await checkInvocation(context, place, flags)
  if ('exitCode' in checked) return checked.exitCode
  const { value } = await readJsonObject('--input', checked.input, input)
  const token = flags.token === '-' ? (await input.readAll()).trim() : flags.token
  const isRead = checked.isRead || flags.dryRun !== undefined
  const key = flags.idempotencyKey ?? (isRead ? undefined : randomUUID())
  const asking = client.ask(
    {
      method: 'POST',
      isRead,
      path: apiPath('instances', place.instance, 'actions', place.action, 'invoke'),
      body: {
        input: value,
        ...(flags.dryRun !== undefined && { dry_run: flags.dryRun }),
        ...(token !== undefined && { token }),
        ...(flags.timeout !== undefined && { timeout_seconds: flags.timeout }),
      },
      headers: {
        ...(key !== undefined && { 'idempotency-key': key }),
        ...(flags.idempotencyScope !== undefined && {
          'idempotency-scope': flags.idempotencyScope,
        }),
      },
    },
    invokeDocument,
  )
  const { json, document } = await asking.catch((error: unknown) => {
    if (needsDryRun(error)) throw dryRunFirst(error, place)
    if (isRead || key === undefined) throw error
    if (signal.aborted) output.screen.lines(interruptedLines(place, key))
    const isUnavailable = error instanceof ConnectError && error.code === 'action_unavailable'
    if (isUnavailable) output.screen.line(`next: repeat the command with --idempotency-key ${key}`)
    throw lostInvocation(error, key)
  })
  await showResult(output, json, () =>
    'dry_run' in document ? dryRunText(document, place) : jsonText(document.output),
  )
  return exitCodes.complete
}

function needsDryRun(error: unknown): error is ConnectError {
  return error instanceof ConnectError && error.details.needs === 'dry_run'
}

/** The fix of the service is for programs. */
function dryRunFirst(error: ConnectError, { instance, action }: ActionPlace): ConnectError {
  const fix = `Run it with --dry-run first (\`reactor connect actions invoke ${instance} ${action} --input … --dry-run\`), then with --token and the token that it shows, in the place of --dry-run.`
  return new ConnectError(error.code, { details: { ...error.details, fix }, cause: error })
}

/** The service ends a call whose caller leaves, as long as it has not sent it. */
function interruptedLines({ instance, action }: ActionPlace, key: string): readonly string[] {
  return [
    `interrupted: it is not known whether the vendor of ${instance} carries out ${action}. If the service has not sent it yet, it does not; otherwise the call goes on there.`,
    `next: repeat the command with --idempotency-key ${key}: it shows the result of this call, or carries it out if it was not sent.`,
  ]
}

/** A lost response of the service: by its key the service knows the call. */
function lostInvocation(error: unknown, key: string): unknown {
  const isLost = error instanceof ConnectError && error.code === 'service_unreachable'
  if (!isLost || error.details.may_be_done !== true) return error
  const fix = `Repeat the command with --idempotency-key ${key} when the service runs: the action is carried out once.`
  return new ConnectError(error.code, { details: { ...error.details, fix }, cause: error })
}

function dryRunText(document: Wire<DryRun>, { instance, action }: ActionPlace): string {
  const { request, credentials, token, expires_at: expiresAt } = document
  const { method, url, headers, body } = request
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${plainText(value)}\n`)
  const shownBody =
    body === undefined
      ? ''
      : `\n${typeof body === 'string' ? `${plainText(body)}\n` : jsonText(body)}`
  return [
    document.dry_run === 'native'
      ? `${action} was carried out in the vendor’s test mode; nothing else changed\n\n`
      : `${action} would send this; nothing was sent\n\n`,
    `${method} ${plainText(url)}\n${head.join('')}${shownBody}\n`,
    ...(document.output === undefined
      ? []
      : [`the test mode responded\n${jsonText(document.output)}\n`]),
    credentials === 'ready'
      ? ''
      : `credentials: ${credentials}\nnext: reactor connect instances credentials ${instance}\n`,
    document.requires_confirmation ? 'ask somebody before you invoke it\n' : '',
    `token: ${token} (once, with the same input, until ${formatTime(expiresAt)})\n`,
    `next: reactor connect actions invoke ${instance} ${action} --input … --token TOKEN${document.requires_confirmation ? ' --yes' : ''}\n`,
  ].join('')
}
