import { kindAt } from '../../sinks/registry.ts'
import {
  connectionDocument,
  connectionSummaryDocument,
  rangeResultDocument,
} from '../../service/connections/schema.ts'
import { apiPath } from '../client/api-path.ts'
import { ifMatch } from '../client/if-match.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { confirmDeletion, type YesFlag } from '../client/confirm-deletion.ts'
import { showResult } from '../output/command-output.ts'
import { rangeLines } from '../run/range-lines.ts'
import type { RangeArguments, ResetArguments } from '../run/reset-program.ts'
import { formatTime } from '../output/format-time.ts'
import { listLines, yetOrHidden } from '../output/list-lines.ts'
import { usageError } from '../usage-error.ts'
import {
  connectionBody,
  type ConnectionDocument,
  type ConnectionFlags,
} from './connection-fields.ts'
import { connectionLines } from './connection-lines.ts'

export async function createConnection(
  { client, output, input }: CommandContext,
  name: string,
  flags: ConnectionFlags & { readonly from: string; readonly activate?: true },
): Promise<number> {
  const { from, activate } = flags
  const body = {
    name,
    from,
    ...(await connectionBody(flags, input)),
    ...(activate && { activate }),
  }
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('connections'), body },
    connectionDocument,
  )
  await showResult(
    output,
    json,
    () =>
      `created ${name}: ${document.from} to ${document.destination}, ${document.status}\nnext: ${nextCommand(document)}\n`,
  )
  return exitCodes.complete
}

function nextCommand({ name, status }: ConnectionDocument): string {
  return status === 'inactive'
    ? `reactor connect connections sandbox ${name}`
    : `reactor connect connections runs start ${name} --wait`
}

export async function updateConnection(
  { client, output, input }: CommandContext,
  name: string,
  flags: ConnectionFlags & { readonly ifVersion?: number },
): Promise<number> {
  const now = await currentStreams(client, name, flags)
  const body = await connectionBody(flags, input, now?.streams)
  if (Object.keys(body).length === 0)
    throw usageError('No changes were given', 'Name what changes: `--schedule "0 * * * *"`.')
  const { json, document } = await client.ask(
    {
      method: 'PATCH',
      path: apiPath('connections', name),
      headers: ifMatch(flags.ifVersion ?? now?.version),
      body,
    },
    connectionDocument,
  )
  await showResult(
    output,
    json,
    () =>
      `updated ${name}: ${document.from} to ${document.destination}, ${document.status}\nnext: reactor connect connections get ${name}\n`,
  )
  return exitCodes.complete
}

/**
 * The streams that the connection has, if `--transform` changes them: the change is made only if they are
 * still the same.
 */
async function currentStreams(
  client: CommandContext['client'],
  name: string,
  { transform, streams, streamConfig }: ConnectionFlags,
): Promise<Pick<ConnectionDocument, 'streams' | 'version'> | undefined> {
  if (transform === undefined || streams !== undefined || streamConfig !== undefined)
    return undefined
  const path = apiPath('connections', name)
  const { document } = await client.ask({ method: 'GET', path }, connectionDocument)
  return document
}

export async function listConnections(
  { client, output }: CommandContext,
  flags: { readonly instance?: string; readonly status?: string; readonly limit?: number },
): Promise<number> {
  const { instance, status, limit } = flags
  const listed = await listPages(client, {
    path: apiPath('connections'),
    item: connectionSummaryDocument,
    query: { instance, status },
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['NAME', 'FROM', 'DESTINATION', 'STATUS', 'SCHEDULE', 'LAST RUN', 'AT'],
      rows: listed.documents.map((connection) => [
        connection.name,
        connection.from,
        connection.destination,
        connection.drift?.status === 'blocked'
          ? `${connection.status}, blocked`
          : connection.status,
        connection.schedule?.cron ?? '',
        connection.last_run?.status ?? 'never run',
        formatTime(connection.last_run?.ended_at ?? connection.last_run?.created_at ?? null),
      ]),
      columns: output.columns,
      dispensable: ['SCHEDULE', 'FROM'],
      empty: {
        what: 'connections',
        because: yetOrHidden,
        filters: { instance, status },
        next: 'reactor connect connections create NAME --from INSTANCE --dest data:DATASET',
        all: 'reactor connect connections list',
      },
    }),
  )
  return exitCodes.complete
}

export async function getConnection(
  { client, output }: CommandContext,
  name: string,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name) },
    connectionDocument,
  )
  await showResult(output, json, () => connectionLines(document))
  return exitCodes.complete
}

export async function setStatus(
  { client, output }: CommandContext,
  name: string,
  verb: 'activate' | 'pause' | 'resume',
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('connections', name, verb) },
    connectionDocument,
  )
  const next = document.next_run_at === null ? '' : `; next run ${formatTime(document.next_run_at)}`
  await showResult(output, json, () => `${name} is ${document.status}${next}\n`)
  return exitCodes.complete
}

export async function resetConnection(
  { client, output }: CommandContext,
  name: string,
  {
    streams,
    range,
  }: Pick<ResetArguments, 'streams'> & { readonly range: ResetArguments['range'] | undefined },
): Promise<number> {
  if (range !== undefined) return resetRange({ client, output }, name, { streams, range })
  await client.tell({
    method: 'POST',
    path: apiPath('connections', name, 'reset'),
    body: streams === undefined ? {} : { streams },
  })
  const what = streams === undefined ? 'all streams' : streams.join(', ')
  await showResult(
    output,
    { reset: name, streams: streams ?? null },
    () =>
      `${name}: the checkpoints of ${what} are forgotten; the next run reads from the beginning\n`,
  )
  return exitCodes.complete
}

async function resetRange(
  { client, output }: Pick<CommandContext, 'client' | 'output'>,
  name: string,
  {
    streams,
    range,
  }: { readonly streams: readonly string[] | undefined; readonly range: RangeArguments },
): Promise<number> {
  const { from, to, doubleRows, dryRun } = range
  const body = {
    streams,
    ...(from !== null && { from }),
    ...(to !== null && { to }),
    double_rows: doubleRows,
    dry_run: dryRun,
  }
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('connections', name, 'reset-range'), body },
    rangeResultDocument,
  )
  await showResult(output, json, () => rangeLines(name, document.streams, { dryRun }))
  return exitCodes.complete
}

export async function deleteConnection(
  context: CommandContext,
  name: string,
  flags: YesFlag,
): Promise<number> {
  const { client, output } = context
  const path = apiPath('connections', name)
  const { document } = await client.ask({ method: 'GET', path }, connectionDocument)
  if (!(await confirmDeletion(context, flags, `delete the connection ${name} and its runs`)))
    return exitCodes.failed
  await client.tell({ method: 'DELETE', path })
  const stays = kindAt(document.destination)?.words.stays ?? 'its rows stay'
  await showResult(output, { deleted: name }, () => `deleted ${name}; ${stays}\n`)
  return exitCodes.complete
}
