import { ConnectError, isJsonObject } from '../../protocol/index.ts'
import type {
  IdempotencyScope,
  RequestedDryRunLevel,
} from '../../service/actions/invoke-choices.ts'
import { actionDocument } from '../../service/actions/schema.ts'
import type { ActionDocument } from '../catalog/action-text.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { plainText } from '../output/plain-text.ts'
import { usageError } from '../usage-error.ts'
import { withInstance } from './with-instance.ts'

export interface ActionPlace {
  readonly instance: string
  readonly action: string
}

export type DryRunFlag = true | RequestedDryRunLevel

export interface InvokeFlags {
  readonly input?: string
  /** `true`: the kind that suits the action. */
  readonly dryRun?: DryRunFlag
  readonly yes?: true
  readonly token?: string
  readonly idempotencyKey?: string
  readonly idempotencyScope?: IdempotencyScope
  readonly timeout?: number
}

export interface CheckedInvocation {
  readonly input: string
  /** The action is known to change nothing. */
  readonly isRead: boolean
}

/**
 * Before an action is invoked: whether what it needs was given, and whether a person agrees if it needs that.
 * Resolves with the input, or with the exit code of a command that ends here. Throws `usage`.
 */
export async function checkInvocation(
  context: CommandContext,
  place: ActionPlace,
  flags: InvokeFlags,
): Promise<CheckedInvocation | { readonly exitCode: number }> {
  const { input, dryRun, yes } = flags
  // Nothing to find out: a key that may only invoke gets on.
  if (input !== undefined && (dryRun !== undefined || yes === true)) return { input, isRead: false }
  const action = await readAction(context, place)
  if (input === undefined && !takesNothing(action)) throw inputMissing(action, place)
  const isConfirmed = dryRun !== undefined || yes === true || !action.requires_confirmation
  if (isConfirmed || (await confirm(context, action, place)))
    return { input: input ?? '{}', isRead: action.effect === 'read' }
  context.output.screen.line('nothing was done')
  return { exitCode: exitCodes.failed }
}

/**
 * An action that reads, or has no fields, may be invoked without input. An action that changes something
 * needs explicit input.
 */
function takesNothing({ effect, input }: ActionDocument): boolean {
  const { properties } = input
  return effect === 'read' || !isJsonObject(properties) || Object.keys(properties).length === 0
}

function inputMissing({ name, effect }: ActionDocument, { instance }: ActionPlace): ConnectError {
  return usageError(
    `${name} changes something (${effect}), and it was given no input`,
    `Give it with --input; \`reactor connect actions show ${instance} ${name}\` lists its fields. To invoke it with none of them: --input '{}'.`,
  )
}

async function confirm(
  { input, output }: CommandContext,
  { name, title }: ActionDocument,
  { instance }: ActionPlace,
): Promise<boolean> {
  if (input.canAsk) {
    const mark = output.paint('yellow', 'confirm:')
    return input.confirm(`${mark} ${name} (${plainText(title)}) with the instance ${instance}?`)
  }
  throw usageError(
    `${name} needs a confirmation, and there is no terminal to ask for it`,
    'Look at what it would do with --dry-run, and invoke it with --yes.',
  )
}

async function readAction(
  { client }: CommandContext,
  { instance, action }: ActionPlace,
): Promise<ActionDocument> {
  const path = apiPath('instances', instance, 'actions', action)
  try {
    const { document } = await withInstance(client, instance, () =>
      client.ask({ method: 'GET', path }, actionDocument),
    )
    return document
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== 'permission_denied') throw error
    throw usageError(
      `Your key may not read the action ${action}, so it is not known whether it needs a confirmation`,
      'Give both --input and --yes, or use a key that has `instances:read`.',
      error,
    )
  }
}
