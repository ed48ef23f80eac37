import type { z } from 'zod'
import { streamIdOf, streamLabel } from '../../protocol/index.ts'
import { runDocument, runSummaryDocument } from '../../service/runs/schema.ts'
import { apiPath } from '../client/api-path.ts'
import type { Answer } from '../client/api-client.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { formatTime } from '../output/format-time.ts'
import { plainText } from '../output/plain-text.ts'
import { listLines } from '../output/list-lines.ts'
import { table } from '../output/table.ts'
import { count, duration } from '../run/amounts.ts'
import { changeTable } from './change-table.ts'
import type { RunPlace } from './run-place.ts'
import { watchRun } from './watch-run.ts'
import { tableNoteLines } from '../run/result-lines.ts'

type RunDocument = z.output<typeof runDocument>

export interface WaitFlags {
  readonly wait?: true
  readonly follow?: true
}

export async function startRun(
  context: CommandContext,
  name: string,
  flags: WaitFlags,
): Promise<number> {
  const answer = await context.client.ask(
    { method: 'POST', path: apiPath('connections', name, 'runs') },
    runDocument,
  )
  return showStartedRun(context, answer, flags)
}

export async function retryRun(
  context: CommandContext,
  { name, run }: RunPlace,
  flags: WaitFlags,
): Promise<number> {
  const answer = await context.client.ask(
    { method: 'POST', path: apiPath('connections', name, 'runs', run, 'retry') },
    runDocument,
  )
  return showStartedRun(context, answer, flags)
}

async function showStartedRun(
  context: CommandContext,
  { json, document }: Answer<RunDocument>,
  flags: WaitFlags,
): Promise<number> {
  const { connection: name, id: run } = document
  if (flags.wait === true || flags.follow === true)
    return watchRun(context, { name, run, withLog: flags.follow === true })
  await showResult(
    context.output,
    json,
    () =>
      `${run} is ${document.status}\nnext: reactor connect connections runs logs ${name} ${run} --follow\n`,
  )
  return exitCodes.complete
}

export async function cancelRun(
  { client, output }: CommandContext,
  { name, run }: RunPlace,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'POST', path: apiPath('connections', name, 'runs', run, 'cancel') },
    runDocument,
  )
  await showResult(output, json, () =>
    document.status === 'cancelled'
      ? `${run} is cancelled\n`
      : `${run} is ${document.status} and ends at its next checkpoint\n`,
  )
  return exitCodes.complete
}

export async function listRuns(
  { client, output }: CommandContext,
  name: string,
  { status, limit }: { readonly status?: string; readonly limit?: number },
): Promise<number> {
  const path = apiPath('connections', name, 'runs')
  const listed = await listPages(client, {
    path,
    item: runSummaryDocument,
    query: { status },
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['RUN', 'STATUS', 'TRIGGER', 'CREATED', 'TOOK', 'LOADED', 'REJECTED', 'ERROR'],
      rows: listed.documents.map((run) => [
        run.id,
        run.status,
        run.trigger,
        formatTime(run.created_at),
        tookText(run),
        count(run.loaded),
        count(run.rejected),
        run.error?.code ?? '',
      ]),
      columns: output.columns,
      dispensable: ['TRIGGER', 'REJECTED', 'TOOK', 'LOADED'],
      empty: {
        what: 'runs',
        filters: { status },
        next: `reactor connect connections runs start ${name} --wait`,
        all: `reactor connect connections runs list ${name}`,
      },
    }),
  )
  return exitCodes.complete
}

export async function getRun(
  { client, output }: CommandContext,
  { name, run }: RunPlace,
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name, 'runs', run) },
    runDocument,
  )
  await showResult(output, json, () => runLines(document, output.columns))
  return exitCodes.complete
}

function runLines(run: RunDocument, columns: number | undefined): string {
  const facts = table([
    ['run', run.id],
    ['connection', run.connection],
    ['status', run.status],
    ['trigger', run.trigger],
    ...(run.retry_of === null ? [] : [['retry of', run.retry_of]]),
    ['attempts', String(run.attempts)],
    ['created', formatTime(run.created_at)],
    ['started', formatTime(run.started_at)],
    ['ended', formatTime(run.ended_at)],
    ['took', tookText(run)],
  ])
  const header = ['STREAM', 'STATUS', 'READ', 'LOADED', 'REJECTED', 'NULLED', 'CUT', 'SLOWEST']
  const rows = run.streams.map((stream) => [
    streamLabel(stream),
    stream.status,
    count(stream.read),
    count(stream.loaded),
    count(stream.rejected),
    count(stream.nulled),
    count(stream.cut),
    stream.bottleneck ?? '',
  ])
  const streams =
    rows.length === 0
      ? 'no stream has begun\n'
      : table(rows, { header, columns, dispensable: ['SLOWEST', 'CUT', 'NULLED'] })
  const changes = run.schema_changes
  const schema = changes.length === 0 ? '' : `\n${changeTable(changes, columns)}`
  return `${facts}\n${streams}${schema}${problemLines(run)}`
}

/** Errors, warnings and changes of columns below the streams: they are sentences. */
function problemLines(run: RunDocument): string {
  const problems = [
    ...errorText('run', run.error),
    ...run.warnings.map((warning) => `run: warning: ${warning}`),
    ...run.streams.flatMap((stream) => [
      ...stream.warnings.map((warning) => `${streamLabel(stream)}: warning: ${warning}`),
      ...tableNoteLines(
        { stream: streamIdOf(stream), tableNotes: stream.table_changes },
        run.connection,
      ).map((line) => `${streamLabel(stream)}: columns: ${line}`),
      ...errorText(streamLabel(stream), stream.error),
    ]),
  ]
  return problems.length === 0 ? '' : `\n${problems.map((line) => `${plainText(line)}\n`).join('')}`
}

function errorText(what: string, error: RunDocument['error']): readonly string[] {
  if (error === null) return []
  return [`${what}: ${error.message} [${error.code}]`, `  fix: ${error.suggested_fix}`]
}

function tookText({
  started_at: started,
  ended_at: ended,
}: Pick<RunDocument, 'started_at' | 'ended_at'>): string {
  if (started === null || ended === null) return ''
  return duration((Date.parse(ended) - Date.parse(started)) / 1000)
}
