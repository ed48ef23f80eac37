import type { z } from 'zod'
import { splitStreamLabels, streamLabel } from '../../protocol/index.ts'
import { connectionDocument, connectionUpdateSchema } from '../../service/connections/schema.ts'
import { wireSchema } from '../../service/platform/wire.ts'
import { apiPath } from '../client/api-path.ts'
import { ifMatch } from '../client/if-match.ts'
import { listPages } from '../client/list-pages.ts'
import type { Around } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { readJson } from '../input/json-input.ts'
import type { UserInput } from '../input/user-input.ts'
import { showResult } from '../output/command-output.ts'
import { moment } from '../output/moment.ts'
import { listLines, yetOrHidden } from '../output/list-lines.ts'
import { table } from '../output/table.ts'
import { usageError } from '../usage-error.ts'

type ConnectionDocument = z.output<typeof connectionDocument>

/** The flags that say what a connection does. */
export interface ConnectionFlags {
  readonly dest?: string
  readonly streams?: string
  readonly streamConfig?: string
  /** `--no-schedule` makes it false. */
  readonly schedule?: string | boolean
  readonly timezone?: string
  readonly catchUp?: string
  readonly metadata?: string
  readonly deletes?: string
  readonly log?: string
  readonly framing?: string
  readonly schemaDrift?: string
}

export async function createConnection(
  { client, output, input }: Around,
  name: string,
  flags: ConnectionFlags & { readonly from: string; readonly activate?: true },
): Promise<number> {
  const { from, activate } = flags
  const body = { name, from, ...(await fieldsOf(flags, input)), ...(activate && { activate }) }
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
  { client, output, input }: Around,
  name: string,
  flags: ConnectionFlags & { readonly ifVersion?: number },
): Promise<number> {
  const body = await fieldsOf(flags, input)
  if (Object.keys(body).length === 0)
    throw usageError('Nothing to change was given', 'Name what changes: `--schedule "0 * * * *"`.')
  const { json, document } = await client.ask(
    {
      method: 'PATCH',
      path: apiPath('connections', name),
      headers: ifMatch(flags.ifVersion),
      body,
    },
    connectionDocument,
  )
  await showResult(output, json, () => connectionLines(document))
  return exitCodes.complete
}

export async function listConnections(
  { client, output }: Around,
  flags: { readonly instance?: string; readonly status?: string; readonly limit?: number },
): Promise<number> {
  const { instance, status, limit } = flags
  const listed = await listPages(client, {
    path: apiPath('connections'),
    item: connectionDocument,
    query: { instance, status },
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['NAME', 'FROM', 'DESTINATION', 'STATUS', 'SCHEDULE', 'LAST RUN', 'AT'],
      rows: listed.documents.map((one) => [
        one.name,
        one.from,
        one.destination,
        one.drift?.status === 'blocked' ? `${one.status}, blocked` : one.status,
        one.schedule?.cron ?? '',
        one.last_run?.status ?? 'never run',
        moment(one.last_run?.ended_at ?? one.last_run?.created_at ?? null),
      ]),
      columns: output.columns,
      empty: {
        ...{ what: 'connections', because: yetOrHidden, filters: { instance, status } },
        next: 'reactor connect connections create NAME --from INSTANCE --dest data:DATASET',
        all: 'reactor connect connections list',
      },
    }),
  )
  return exitCodes.complete
}

export async function getConnection({ client, output }: Around, name: string): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name) },
    connectionDocument,
  )
  await showResult(output, json, () => connectionLines(document))
  return exitCodes.complete
}

export async function setStatus(
  { client, output }: Around,
  name: string,
  verb: 'activate' | 'pause' | 'resume',
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('connections', name, verb) },
    connectionDocument,
  )
  const next = document.next_run_at === null ? '' : `; next run ${moment(document.next_run_at)}`
  await showResult(output, json, () => `${name} is ${document.status}${next}\n`)
  return exitCodes.complete
}

export async function resetConnection(
  { client, output }: Around,
  name: string,
  { streams }: { readonly streams?: readonly string[] },
): Promise<number> {
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

export async function deleteConnection({ client, output }: Around, name: string): Promise<number> {
  await client.tell({ method: 'DELETE', path: apiPath('connections', name) })
  await showResult(output, { deleted: name }, () => `deleted ${name}; its tables stay\n`)
  return exitCodes.complete
}

/** What was given, as the API takes it; its values are the service's to check. */
async function fieldsOf(
  flags: ConnectionFlags,
  input: UserInput,
): Promise<Readonly<Record<string, unknown>>> {
  const { metadata, deletes, log, framing, schemaDrift } = flags
  const options = Object.entries({
    ...{ metadata, deletes, log, framing },
    schema_drift: schemaDrift,
  }).filter(([, value]) => value !== undefined)
  const streams = await streamsOf(flags, input)
  const schedule = scheduleOf(flags)
  return {
    ...(streams !== undefined && { streams }),
    ...(flags.dest !== undefined && { destination: flags.dest }),
    ...(schedule !== undefined && { schedule }),
    ...(options.length > 0 && { options: Object.fromEntries(options) }),
  }
}

async function streamsOf(
  { streams, streamConfig }: ConnectionFlags,
  input: UserInput,
): Promise<unknown> {
  if (streams !== undefined && streamConfig !== undefined)
    throw usageError('--streams and --stream-config say the same', 'Give one of them.')
  if (streamConfig === undefined)
    return streams === undefined ? undefined : splitStreamLabels(streams).map((name) => ({ name }))
  const { value } = await readJson(
    {
      option: '--stream-config',
      given: streamConfig,
      schema: wireSchema(connectionUpdateSchema.shape.streams.unwrap()),
      what: 'a list of streams (`reactor connect connections create --help`)',
    },
    input,
  )
  return value
}

function scheduleOf({ schedule, timezone, catchUp }: ConnectionFlags): unknown {
  if (schedule === false) return null
  if (typeof schedule === 'string')
    return {
      cron: schedule,
      ...(timezone !== undefined && { timezone }),
      ...(catchUp !== undefined && { catch_up: catchUp }),
    }
  if (timezone === undefined && catchUp === undefined) return undefined
  throw usageError('--timezone and --catch-up belong to a schedule', 'Give --schedule too.')
}

function connectionLines(connection: ConnectionDocument): string {
  const { name, from, destination, status, streams, schedule, options, drift } = connection
  const when = schedule === null ? 'by hand' : `${schedule.cron} (${schedule.timezone ?? 'UTC'})`
  const last = connection.last_run
  return table([
    ['name', name],
    ['from', from],
    ['streams', streams === null ? 'all' : streams.map(streamText).join(', ')],
    ['destination', destination],
    ['schedule', when],
    ['options', Object.keys(options).length === 0 ? 'none' : JSON.stringify(options)],
    ['status', status],
    ['next run', moment(connection.next_run_at) || 'none'],
    [
      'last run',
      last === null ? 'never run' : `${last.id} ${last.status} ${moment(last.ended_at)}`.trim(),
    ],
    ...(drift === null
      ? []
      : [['drift', `${drift.status}: reactor connect connections drift ${name}`]]),
    ['version', String(connection.version)],
    ['updated', moment(connection.updated_at)],
  ])
}

function streamText(stream: NonNullable<ConnectionDocument['streams']>[number]): string {
  const { sync_mode: mode, destination_sync_mode: destinationMode } = stream
  const label = streamLabel(stream)
  const modes = [mode, destinationMode].filter((one) => one !== undefined)
  return modes.length === 0 ? label : `${label} (${modes.join(', ')})`
}
