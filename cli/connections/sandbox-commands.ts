import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import {
  finishedSandboxDocument,
  promotionDocument,
  sandboxDocument,
  sandboxRowsDocument,
  sandboxSummaryDocument,
} from '../../service/sandboxes/schema.ts'
import { ServiceRefusal } from '../client/service-error.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { docsFileUrl } from '../output/docs-path.ts'
import { formatTime } from '../output/format-time.ts'
import { showFailure } from '../output/show-failure.ts'
import { listLines } from '../output/list-lines.ts'
import { counted } from '../run/amounts.ts'
import { reportText } from './sandbox-lines.ts'
import { reportMarkdown } from './sandbox-markdown.ts'
import type { FinishedSandboxDocument, SandboxReportDocument } from './sandbox-facts.ts'
import { isWithoutChange } from './sandbox-view.ts'
import { watchRun } from './watch-run.ts'

export interface FormatFlags {
  readonly format?: 'text' | 'markdown'
  readonly exitCode?: true
}

export interface SandboxFlags extends FormatFlags {
  readonly limitRows: number
  readonly streams?: readonly string[]
}

export async function sandboxConnection(
  { client, output }: CommandContext,
  name: string,
  { limitRows, streams, ...flags }: SandboxFlags,
): Promise<number> {
  if (!output.json)
    output.screen.line(`reading at most ${counted(limitRows, 'record')} of each stream …`)
  const { json, document } = await client.ask(
    {
      method: 'POST',
      path: apiPath('connections', name, 'sandbox'),
      body: { limit_rows: limitRows, ...(streams !== undefined && { streams }) },
    },
    finishedSandboxDocument,
  )
  await showResult(output, json, () => finishedText(document, output, flags))
  return exitCodeOf(document.report, flags)
}

/** A sandbox with failed streams is no preview of a run: scripts must stop. */
function exitCodeOf(report: SandboxReportDocument, { exitCode }: FormatFlags): number {
  if (report.totals.failed > 0) return exitCodes.partial
  return exitCode === true && !isWithoutChange(report) ? exitCodes.changes : exitCodes.complete
}

export interface PromoteFlags {
  readonly token: string
  readonly wait?: true
}

export async function promoteConnection(
  context: CommandContext,
  name: string,
  flags: PromoteFlags,
): Promise<number> {
  const { client, output, input } = context
  const token = flags.token === '-' ? (await input.readAll()).trim() : flags.token
  const request = {
    method: 'POST',
    path: apiPath('connections', name, 'promote'),
    body: { token },
  } as const
  try {
    const { json, document } = await client.ask(request, promotionDocument)
    const { connection, run } = document
    if (flags.wait === true) {
      output.screen.line(`${name} is ${connection.status}; its run is ${run.id}`)
      return await watchRun(context, { name, run: run.id, withLog: false })
    }
    await showResult(
      output,
      json,
      () =>
        `${name} is ${connection.status}; its run ${run.id} is ${run.status}\nnext: reactor connect connections runs logs ${name} ${run.id} --follow\n`,
    )
    return exitCodes.complete
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== 'promote_outdated') throw error
    return showOutdated(output, error)
  }
}

export async function listSandboxes(
  { client, output }: CommandContext,
  name: string,
  { limit, delete: isDelete }: { readonly limit?: number; readonly delete?: true },
): Promise<number> {
  if (isDelete === true) throw noSandbox(name)
  const listed = await listPages(client, {
    path: apiPath('connections', name, 'sandboxes'),
    item: sandboxSummaryDocument,
    query: {},
    limit,
  })
  await showResult(output, listed.json, () =>
    listLines({
      header: ['SANDBOX', 'STATUS', 'LIMIT', 'MADE', 'EXPIRES', 'PROMOTED AS'],
      rows: listed.documents.map((sandbox) => [
        sandbox.id,
        sandbox.status,
        String(sandbox.limit_rows),
        formatTime(sandbox.created_at),
        formatTime(sandbox.expires_at),
        sandbox.promoted_run ?? '',
      ]),
      columns: output.columns,
      dispensable: ['LIMIT', 'MADE', 'EXPIRES'],
      empty: { what: 'sandboxes', next: `reactor connect connections sandbox ${name}` },
    }),
  )
  return exitCodes.complete
}

function noSandbox(name: string): ConnectError {
  const problem = '--delete needs the id of a sandbox'
  const fix = `Name it: \`reactor connect connections sandboxes ${name} sbx_… --delete\`.`
  return new ConnectError('usage', { details: { problem, fix } })
}

export async function getSandbox(
  { client, output }: CommandContext,
  { name, id, ...flags }: { readonly name: string; readonly id: string } & FormatFlags,
): Promise<number> {
  const { document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name, 'sandboxes', id) },
    sandboxDocument,
  )
  const { report, error, status } = document
  if (report === null) {
    await showResult(output, document, () =>
      error === null ? `${id} is ${status}\n` : `${error.message} [${error.code}]\n`,
    )
    return error === null ? exitCodes.complete : exitCodes.failed
  }
  const { rows, note } = await rowsOf(client, name, id)
  const whole = rows === null ? report : withRows(report, rows)
  await showResult(output, { ...document, report: whole }, () =>
    formatReport(whole, name, { output, flags }),
  )
  if (note !== null && !output.json) output.screen.line(note)
  return exitCodeOf(report, flags)
}

type RowsDocument = z.output<typeof sandboxRowsDocument>

/** Null, and why, if the rows are gone, or this caller may not see them. */
async function rowsOf(
  client: CommandContext['client'],
  name: string,
  id: string,
): Promise<{ readonly rows: RowsDocument | null; readonly note: string | null }> {
  try {
    const path = apiPath('connections', name, 'sandboxes', id, 'rows')
    const { document } = await client.ask({ method: 'GET', path }, sandboxRowsDocument)
    return { rows: document, note: null }
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    if (error.code === 'sandbox_rows_gone' || error.code === 'permission_denied')
      return { rows: null, note: `without rows: ${error.message}` }
    throw error
  }
}

function withRows(report: SandboxReportDocument, { streams }: RowsDocument): SandboxReportDocument {
  return {
    ...report,
    streams: report.streams.map((stream, index) => ({ ...stream, ...streams[index] })),
  }
}

export async function deleteSandbox(
  { client, output }: CommandContext,
  { name, id }: { readonly name: string; readonly id: string },
): Promise<number> {
  await client.tell({ method: 'DELETE', path: apiPath('connections', name, 'sandboxes', id) })
  await showResult(output, { deleted: id }, () => `deleted ${id}; its token is now invalid\n`)
  return exitCodes.complete
}

function finishedText(
  sandbox: FinishedSandboxDocument,
  output: CommandContext['output'],
  flags: FormatFlags = {},
): string {
  const { connection, id, expires_at: expiresAt, promote_token: token } = sandbox
  const report = formatReport(sandbox.report, connection, { output, flags })
  // Text for a pull request must not contain a token.
  if (flags.format === 'markdown') {
    const promote =
      token === null ? withheldText(sandbox) : `Promote it before ${formatTime(expiresAt)}.`
    return `${report}\n${promote} Show it again: \`reactor connect connections sandboxes ${connection} ${id}\`\n`
  }
  return token === null
    ? `${report}${withheldText(sandbox)}\n`
    : `${report}\nshow it again: reactor connect connections sandboxes ${connection} ${id}\nUntil ${formatTime(expiresAt)}, this applies it, once:\n  reactor connect connections promote ${connection} --token ${token}\n`
}

function formatReport(
  report: SandboxReportDocument,
  connection: string,
  { output, flags }: { readonly output: CommandContext['output']; readonly flags: FormatFlags },
): string {
  return flags.format === 'markdown'
    ? reportMarkdown(report, connection)
    : reportText(report, outContext(output))
}

function withheldText({ token_withheld: why }: FinishedSandboxDocument): string {
  return why === 'some_streams'
    ? 'no promote token: only some of the streams were checked'
    : 'no promote token: a run would fail for some of the streams'
}

function outContext(output: CommandContext['output']): Parameters<typeof reportText>[1] {
  return { paint: output.outPaint, columns: output.columns }
}

const outdated = z.object({ sandbox: finishedSandboxDocument })

/** The refusal, and the changes that a run would make now. */
async function showOutdated(
  output: CommandContext['output'],
  error: ConnectError,
): Promise<number> {
  if (!(error.cause instanceof ServiceRefusal)) return showFailure(output, error)
  const { body } = error.cause
  if (output.json) {
    const shown = { ...body, docs_url: docsFileUrl(error.toJSON().docs_url) }
    await output.write(`${JSON.stringify({ error: shown }, null, 2)}\n`)
    return showFailure({ ...output, json: false }, error)
  }
  const { success, data } = outdated.safeParse(body.details)
  const code = await showFailure(output, error)
  if (success) await output.write(`\n${finishedText(data.sandbox, output)}`)
  return code
}
