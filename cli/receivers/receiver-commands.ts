import type { z } from 'zod'
import {
  deliveryRulesDocument,
  newReceiverDocument,
  receiverDocument,
  receiverWithSecretsDocument,
} from '../../service/webhooks/receivers/schema.ts'
import { isWholeConnection } from '../../service/webhooks/receivers/target.ts'
import { apiPath } from '../client/api-path.ts'
import { ifMatch } from '../client/if-match.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { confirmDeletion, type YesFlag } from '../client/confirm-deletion.ts'
import { readJson } from '../input/json-input.ts'
import { showResult, type CommandOutput } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines, yetOrHidden } from '../output/list-lines.ts'
import { plainText } from '../output/plain-text.ts'
import { usageError } from '../usage-error.ts'
import { givenSecret, readSigningSecret, type SecretFlags } from './read-signing-secret.ts'
import { receiverLines, shownOnceLines } from './receiver-lines.ts'

type ReceiverDocument = z.output<typeof receiverDocument>

export interface DispatchFlags {
  readonly dispatch?: readonly string[]
  readonly orderBy?: string
  readonly sweepEvery?: number
  readonly description?: string
}

export interface CreateFlags extends DispatchFlags, SecretFlags {
  readonly dispatch: readonly string[]
  readonly webhook?: string
  readonly name?: string
  readonly rules?: string
}

export interface GraceFlags {
  /** In seconds. */
  readonly grace?: number
}

export async function createReceiver(
  context: CommandContext,
  instance: string | undefined,
  flags: CreateFlags,
): Promise<number> {
  const { client, output, input } = context
  const { webhook, name, rules: rulesOption } = flags
  if (flags.rules === '-' && (flags.input === '-' || flags.signingSecretStdin === true))
    throw usageError('Standard input cannot be two things', 'Give --rules a file.')
  const secret = await givenSecret(context, flags)
  const rules = rulesOption === undefined ? undefined : await readRules(rulesOption, input)
  const body = {
    ...(instance !== undefined && { instance }),
    ...(webhook !== undefined && { webhook }),
    ...(name !== undefined && { name }),
    ...(rules !== undefined && { rules }),
    ...(secret !== undefined && { signing_secret: secret }),
    ...dispatchBody(flags),
  }
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('receivers'), body },
    newReceiverDocument,
  )
  const targets = document.dispatch.map(({ target }) => target).join(', ')
  say(output, `created ${document.name}: events go to ${targets}`)
  await showOnce(output, json, document)
  return exitCodes.complete
}

async function readRules(
  value: string,
  input: CommandContext['input'],
): Promise<z.output<typeof deliveryRulesDocument>> {
  const schema = deliveryRulesDocument
  const what = 'the rules of a sender: docs/webhooks.md describes them'
  return (await readJson({ option: '--rules', value, schema, what }, input)).value
}

function dispatchBody({ dispatch, orderBy, sweepEvery, description }: DispatchFlags): object {
  if (dispatch === undefined && (orderBy !== undefined || sweepEvery !== undefined)) {
    const option = orderBy === undefined ? '--sweep-every' : '--order-by'
    throw usageError(`${option} belongs to targets`, 'Name them all: `--dispatch job:NAME`.')
  }
  if (sweepEvery !== undefined && dispatch?.some(isWholeConnection) !== true)
    throw usageError(
      '--sweep-every belongs to a target `stream:CONNECTION/*`',
      'Name one: `--dispatch "stream:CONNECTION/*"`.',
    )
  return {
    ...(dispatch !== undefined && {
      dispatch: dispatch.map((target) => ({
        target,
        ...(orderBy !== undefined && { order_by: orderBy }),
        ...(sweepEvery !== undefined && isWholeConnection(target) && { sweep_every: sweepEvery }),
      })),
    }),
    ...(description !== undefined && { description }),
  }
}

export async function listReceivers(
  { client, output }: CommandContext,
  { instance, limit }: { readonly instance?: string; readonly limit?: number },
): Promise<number> {
  const path = apiPath('receivers')
  const listed = await listPages(client, {
    path,
    item: receiverDocument,
    query: { instance },
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['NAME', 'INSTANCE', 'WEBHOOK', 'TARGETS', 'STATUS', 'SECRET', 'UPDATED'],
      rows: listed.documents.map((receiver) => [
        receiver.name,
        receiver.instance ?? 'none',
        receiver.webhook ?? 'own rules',
        receiver.dispatch.map(({ target }) => target).join(', '),
        receiver.warnings.length > 0 ? `${receiver.status}, warnings` : receiver.status,
        receiver.has_secret ? 'set' : 'missing',
        formatTime(receiver.updated_at),
      ]),
      columns: output.columns,
      dispensable: ['UPDATED', 'WEBHOOK', 'SECRET'],
      empty: {
        what: 'receivers',
        because: yetOrHidden,
        filters: { instance },
        next: 'reactor connect receivers create INSTANCE --webhook events --dispatch job:NAME',
        all: 'reactor connect receivers list',
      },
    }),
  )
  return exitCodes.complete
}

export async function getReceiver(
  { client, output }: CommandContext,
  name: string,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'GET', path: apiPath('receivers', name) },
    receiverDocument,
  )
  await showResult(output, json, () => receiverLines(document))
  return exitCodes.complete
}

export async function updateReceiver(
  { client, output }: CommandContext,
  name: string,
  flags: DispatchFlags & { readonly ifVersion?: number },
): Promise<number> {
  const body = dispatchBody(flags)
  if (Object.keys(body).length === 0)
    throw usageError('No changes were given', 'Name what changes: `--dispatch job:NAME`.')
  const { json, document } = await client.ask(
    {
      method: 'PATCH',
      path: apiPath('receivers', name),
      headers: ifMatch(flags.ifVersion),
      body,
    },
    receiverDocument,
  )
  await showResult(output, json, () => receiverLines(document))
  return exitCodes.complete
}

export async function setStatus(
  { client, output }: CommandContext,
  name: string,
  verb: 'pause' | 'resume',
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('receivers', name, verb) },
    receiverDocument,
  )
  await showResult(output, json, () => `${name} is ${document.status}\n`)
  return exitCodes.complete
}

export async function rotateToken(
  { client, output }: CommandContext,
  name: string,
  flags: GraceFlags,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('receivers', name, 'rotate-token'), body: graceBody(flags) },
    newReceiverDocument,
  )
  const { previous_token_until: until } = document
  const before =
    until === null
      ? 'the address before works no longer'
      : `the address before works until ${formatTime(until)}`
  say(output, `${name} has another address; ${before}`)
  await showOnce(output, json, document)
  return exitCodes.complete
}

export async function setSecret(
  context: CommandContext,
  name: string,
  flags: GraceFlags & SecretFlags,
): Promise<number> {
  const { client, output } = context
  const secret = await readSigningSecret(context, flags, name)
  const body = { ...graceBody(flags), ...(secret !== undefined && { signing_secret: secret }) }
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('receivers', name, 'secret'), body },
    receiverWithSecretsDocument,
  )
  const { previous_secret_until: until } = document
  const before = until === null ? '' : `; the one before is valid until ${formatTime(until)}`
  say(output, `the secret of ${name} is set${before}`)
  await showOnce(output, json, document)
  return exitCodes.complete
}

export async function rotateDispatchSecret(
  { client, output }: CommandContext,
  name: string,
  flags: GraceFlags,
): Promise<number> {
  const path = apiPath('receivers', name, 'rotate-dispatch-secret')
  const { json, document } = await client.ask(
    { method: 'POST', path, body: graceBody(flags) },
    receiverWithSecretsDocument,
  )
  say(output, `deliveries of ${name} to url: targets are signed with another secret`)
  await showOnce(output, json, document)
  return exitCodes.complete
}

export async function deleteReceiver(
  context: CommandContext,
  name: string,
  flags: YesFlag,
): Promise<number> {
  const { client, output } = context
  const deletion = `delete the receiver ${name}, its secrets and its deliveries`
  if (!(await confirmDeletion(context, flags, deletion))) return exitCodes.failed
  await client.tell({ method: 'DELETE', path: apiPath('receivers', name) })
  await showResult(output, { deleted: name }, () => `deleted ${name} and its deliveries\n`)
  return exitCodes.complete
}

function graceBody({ grace }: GraceFlags): object {
  return grace === undefined ? {} : { grace_seconds: grace }
}

/** Beside the result, which is alone on standard output. */
function say({ json, screen }: CommandOutput, line: string): void {
  if (!json) screen.line(line)
}

/** Values that are shown only once go to standard output; all other lines go beside it. */
async function showOnce(
  output: CommandOutput,
  json: unknown,
  document: ReceiverDocument &
    Pick<z.output<typeof receiverWithSecretsDocument>, 'signing_secret' | 'dispatch_secret'> & {
      readonly ingress_url?: string
    },
): Promise<void> {
  const lines = shownOnceLines(document)
  if (lines !== '') say(output, 'shown only once:')
  await showResult(output, json, () => lines)
  for (const warning of document.warnings) say(output, `warning: ${plainText(warning)}`)
  if (!document.has_secret)
    say(
      output,
      `nothing is accepted before it has the secret that the sender signs with\nnext: reactor connect receivers secret ${document.name}`,
    )
}
