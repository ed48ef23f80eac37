import type { z } from 'zod'
import { parsePointer } from '../../lib/text/json-pointer.ts'
import { type JsonObject, valueAt } from '../../protocol/index.ts'
import { instanceDocument, instanceSummaryDocument } from '../../service/instances/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { ifMatch } from '../client/if-match.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { confirmDeletion, type YesFlag } from '../client/confirm-deletion.ts'
import { readJsonObject, type JsonInput } from '../input/json-input.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines, yetOrHidden } from '../output/list-lines.ts'
import { table } from '../output/table.ts'

export type InstanceDocument = z.output<typeof instanceDocument>

export async function createInstance(
  context: CommandContext,
  name: string,
  flags: { readonly type: string; readonly config: string },
): Promise<number> {
  const { client, output, input } = context
  const config = await readJsonObject('--config', flags.config, input)
  const { json, document } = await client.ask(
    {
      method: 'POST',
      path: apiPath('instances'),
      body: { name, type: flags.type, config: config.value },
    },
    instanceDocument,
  )
  warnOfSecrets(context, config, document)
  await showResult(output, json, () => `created ${nextStep(document)}\n`)
  return exitCodes.complete
}

export async function listInstances(
  { client, output }: CommandContext,
  { type, limit }: { readonly type?: string; readonly limit?: number },
): Promise<number> {
  const path = apiPath('instances')
  const listed = await listPages(client, {
    path,
    item: instanceSummaryDocument,
    query: { type },
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['NAME', 'TYPE', 'CREDENTIALS', 'UPDATED'],
      rows: listed.documents.map((instance) => [
        ...[instance.name, instance.type, instance.credentials],
        formatTime(instance.updated_at),
      ]),
      columns: output.columns,
      dispensable: ['UPDATED'],
      empty: {
        what: 'instances',
        because: yetOrHidden,
        filters: { type },
        next: 'reactor connect instances create NAME --type TYPE',
        all: 'reactor connect instances list',
      },
    }),
  )
  return exitCodes.complete
}

export async function getInstance(
  { client, output }: CommandContext,
  name: string,
): Promise<number> {
  const { json, document } = await askInstance({ client }, name)
  await showResult(output, json, () => instanceLines(document))
  return exitCodes.complete
}

export async function updateInstance(
  context: CommandContext,
  name: string,
  flags: { readonly config: string; readonly ifVersion?: number },
): Promise<number> {
  const { client, output, input } = context
  const config = await readJsonObject('--config', flags.config, input)
  const { json, document } = await client.ask(
    {
      method: 'PATCH',
      path: apiPath('instances', name),
      headers: ifMatch(flags.ifVersion),
      body: { config: config.value },
    },
    instanceDocument,
  )
  warnOfSecrets(context, config, document)
  await showResult(output, json, () => `updated ${nextStep(document)}\n`)
  return exitCodes.complete
}

export async function deleteInstance(
  context: CommandContext,
  name: string,
  flags: YesFlag,
): Promise<number> {
  const { client, output } = context
  if (!(await confirmDeletion(context, flags, `delete the instance ${name} and its secrets`)))
    return exitCodes.failed
  await client.tell({ method: 'DELETE', path: apiPath('instances', name) })
  await showResult(output, { deleted: name }, () => `deleted ${name}\n`)
  return exitCodes.complete
}

export async function askInstance(
  { client }: Pick<CommandContext, 'client'>,
  name: string,
): Promise<{ json: unknown; document: InstanceDocument }> {
  return client.ask({ method: 'GET', path: apiPath('instances', name) }, instanceDocument)
}

/** An instance in one line, with the next step before it can be read. */
export function nextStep({ name, type, credentials }: InstanceDocument): string {
  const line = `${name} (${type}), credentials ${credentials}`
  if (credentials === 'ready') return `${line}\nnext: reactor connect instances check ${name}`
  return `${line}\nnext: reactor connect instances credentials ${name}`
}

function warnOfSecrets(
  context: CommandContext,
  { value, isVisible }: JsonInput<JsonObject>,
  { secrets }: InstanceDocument,
): void {
  const holdsSecret = secrets.some((pointer) => valueAt(value, parsePointer(pointer)) !== undefined)
  if (isVisible && holdsSecret) warnOfVisible(context, '--config')
}

/** Secrets in an option are visible to everybody who can list processes. */
export function warnOfVisible({ output }: Pick<CommandContext, 'output'>, option: string): void {
  output.screen.line(
    `${output.paint('yellow', 'warning:')} secrets on a command line stay in the history of the shell and are seen by others on this machine; give ${option} a file, or \`-\` for standard input`,
  )
}

function instanceLines(instance: InstanceDocument): string {
  const { name, type, credentials, secrets, config, version } = instance
  return table([
    ['name', name],
    ['type', type],
    ['credentials', credentials],
    ['secrets set', secrets.length === 0 ? 'none' : secrets.join(', ')],
    ['configuration', JSON.stringify(config)],
    ['version', String(version)],
    ['created', formatTime(instance.created_at)],
    ['updated', formatTime(instance.updated_at)],
  ])
}
