import { z } from 'zod'
import { descriptorDocument } from '../../service/catalog/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { readJsonObject } from '../input/json-input.ts'
import { askInstance } from '../instances/instance-commands.ts'
import { showResult } from '../output/command-output.ts'
import { table } from '../output/table.ts'

/**
 * Commands whose part of the service does not exist yet: each sends its request, and the service responds that it is not available. The
 * future response is not known here, so it is shown as it is.
 */
async function askReserved(
  { client, output }: CommandContext,
  path: string,
  body: object,
): Promise<number> {
  const { json } = await client.ask({ method: 'POST', path, body }, z.unknown())
  await showResult(output, json, () => `${JSON.stringify(json, null, 2)}\n`)
  return exitCodes.complete
}

/** The actions in the connector's descriptor. */
export async function listActions(context: CommandContext, name: string): Promise<number> {
  const { client, output } = context
  const { document: instance } = await askInstance(context, name)
  const { document } = await client.ask(
    { method: 'GET', path: apiPath('catalog', instance.type) },
    descriptorDocument,
  )
  const { actions } = document
  await showResult(output, actions, () =>
    actions.length === 0
      ? `The connector ${instance.type} has no actions.\n`
      : table(
          actions.map((action) => [action.name, action.effect, action.dry_run, action.title]),
          { header: ['ACTION', 'EFFECT', 'DRY RUN', 'TITLE'], columns: output.columns },
        ),
  )
  return exitCodes.complete
}

export interface InvokeFlags {
  readonly input: string
  readonly dryRun?: true
}

export async function invokeAction(
  context: CommandContext,
  { name, action }: { readonly name: string; readonly action: string },
  flags: InvokeFlags,
): Promise<number> {
  const { value } = await readJsonObject('--input', flags.input, context.input)
  const path = apiPath('instances', name, 'actions', action, 'invoke')
  return askReserved(context, path, { input: value, dry_run: flags.dryRun === true })
}

export interface ReceiverFlags {
  readonly webhook: string
  readonly dispatch: string
}

export async function createReceiver(
  context: CommandContext,
  instance: string,
  { webhook, dispatch }: ReceiverFlags,
): Promise<number> {
  return askReserved(context, apiPath('receivers'), { instance, webhook, dispatch })
}

export interface ConflictFlags {
  readonly connectionA: string
  readonly connectionB: string
  readonly rules: string
}

export async function createConflictPolicy(
  context: CommandContext,
  { connectionA, connectionB, rules }: ConflictFlags,
): Promise<number> {
  return askReserved(context, apiPath('policies', 'conflict'), {
    connection_a: connectionA,
    connection_b: connectionB,
    rules,
  })
}
