import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import {
  finishedSandboxDocument,
  promotionDocument,
  sandboxDocument,
  sandboxSummaryDocument,
} from '../../service/http/wire/sandbox.ts'
import { ServiceRefusal } from '../client/service-error.ts'
import { apiPath } from '../client/api-path.ts'
import { listPages } from '../client/list-pages.ts'
import type { Around } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { moment } from '../output/moment.ts'
import { showFailure } from '../output/show-failure.ts'
import { table } from '../output/table.ts'
import { watchRun } from './watch-run.ts'
import { reportText, type FinishedSandbox } from './sandbox-lines.ts'

export interface SandboxFlags {
  readonly limitRows: number
  readonly streams?: readonly string[]
}

export async function sandboxConnection(
  { client, output }: Around,
  name: string,
  { limitRows, streams }: SandboxFlags,
): Promise<number> {
  if (!output.json) output.screen.line(`reading at most ${String(limitRows)} records a stream …`)
  const { json, document } = await client.ask(
    {
      method: 'POST',
      path: apiPath('connections', name, 'sandbox'),
      body: { limit_rows: limitRows, ...(streams !== undefined && { streams }) },
    },
    finishedSandboxDocument,
  )
  await showResult(output, json, () => finishedText(document, output))
  return document.report.status === 'failed' ? exitCodes.failed : exitCodes.complete
}

export interface PromoteFlags {
  readonly token: string
  readonly wait?: true
}

export async function promoteConnection(
  around: Around,
  name: string,
  flags: PromoteFlags,
): Promise<number> {
  const { client, output, input } = around
  const token = flags.token === '-' ? (await input.readAll()).trim() : flags.token
  const request = {
    method: 'POST',
    path: apiPath('connections', name, 'promote'),
    body: { token },
  } as const
  try {
    const { json, document } = await client.ask(request, promotionDocument)
    const { connection, run } = document
    if (flags.wait === true) return await watchRun(around, { name, run: run.id, withLog: false })
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
  { client, output }: Around,
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
    table(
      listed.documents.map((one) => [
        one.id,
        one.status,
        String(one.limit_rows),
        moment(one.created_at),
        moment(one.expires_at),
        one.promoted_run ?? '',
      ]),
      {
        header: ['SANDBOX', 'STATUS', 'LIMIT', 'MADE', 'EXPIRES', 'PROMOTED AS'],
        columns: output.columns,
      },
    ),
  )
  return exitCodes.complete
}

function noSandbox(name: string): ConnectError {
  const problem = '--delete needs the id of a sandbox'
  const fix = `Name it: \`reactor connect connections sandboxes ${name} sbx_… --delete\`.`
  return new ConnectError('usage', { details: { problem, fix } })
}

export async function getSandbox(
  { client, output }: Around,
  { name, id }: { readonly name: string; readonly id: string },
): Promise<number> {
  const { json, document } = await client.ask(
    { method: 'GET', path: apiPath('connections', name, 'sandboxes', id) },
    sandboxDocument,
  )
  const { report, error, status } = document
  await showResult(output, json, () => {
    if (report !== null) return reportText(report, outContext(output))
    return error === null ? `${id} is ${status}\n` : `${error.message} [${error.code}]\n`
  })
  return exitCodes.complete
}

export async function deleteSandbox(
  { client, output }: Around,
  { name, id }: { readonly name: string; readonly id: string },
): Promise<number> {
  await client.tell({ method: 'DELETE', path: apiPath('connections', name, 'sandboxes', id) })
  await showResult(output, { deleted: id }, () => `deleted ${id}; its token is worth nothing now\n`)
  return exitCodes.complete
}

function finishedText(sandbox: FinishedSandbox, output: Around['output']): string {
  const { connection, expires_at: expiresAt, promote_token: token } = sandbox
  const found = reportText(sandbox.report, outContext(output))
  return token === null
    ? `${found}${withheldText(sandbox)}\n`
    : `${found}\nUntil ${moment(expiresAt)} this makes it happen, once:\n  reactor connect connections promote ${connection} --token ${token}\n`
}

function withheldText({ token_withheld: why }: FinishedSandbox): string {
  return why === 'some_streams'
    ? 'no promote token: only some of the streams were looked at'
    : 'no promote token: streams failed, so what they would do is not known'
}

function outContext(output: Around['output']): Parameters<typeof reportText>[1] {
  return { paint: output.outPaint, columns: output.columns }
}

const outdated = z.object({ sandbox: finishedSandboxDocument })

/** The refusal, and what a run would change now. */
async function showOutdated(output: Around['output'], error: ConnectError): Promise<number> {
  if (!(error.cause instanceof ServiceRefusal)) return showFailure(output, error)
  const { body } = error.cause
  if (output.json) {
    await output.write(`${JSON.stringify({ error: body }, null, 2)}\n`)
    return showFailure({ ...output, json: false }, error)
  }
  const { success, data } = outdated.safeParse(body.details)
  const code = await showFailure(output, error)
  if (success) await output.write(`\n${finishedText(data.sandbox, output)}`)
  return code
}
