import { ConnectError } from '../../protocol/index.ts'
import { clientMark } from '../../service/codegen/client-mark.ts'
import { parseStoredNames, type StoredName } from '../../service/codegen/stored-names.ts'
import { apiPath } from '../client/api-path.ts'
import type { CommandContext } from '../client/service-command.ts'
import { exitCodes } from '../exit-codes.ts'
import { showResult } from '../output/command-output.ts'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCodeOf } from '../../lib/files/error-code.ts'

export interface CodegenFlags {
  readonly instance: string
  readonly out: string
  readonly refresh?: true
  readonly check?: true
  readonly force?: true
}

/**
 * Writes nothing if the file is up to date. Throws `codegen_file_outdated`, `codegen_file_foreign`,
 * `codegen_file_unusable`.
 */
export async function generateClientFile(
  context: CommandContext,
  flags: CodegenFlags,
): Promise<number> {
  const { out } = flags
  if (out === '-') return showClient(context, flags)
  // Before the request, which may take a while.
  const before = await readClientFile(out)
  if (flags.check !== true && flags.force !== true) refuseForeign(out, before)
  const text = await askForClient(context, flags, parseStoredNames(before ?? ''))
  if (flags.check === true && before !== text) throw outdatedError(flags, before)
  const isWritten = before !== text
  if (isWritten) await writeClientFile(out, text)
  const result = { instance: flags.instance, file: out, written: isWritten }
  await showResult(context.output, result, () =>
    isWritten ? `${out}: written\n` : `${out}: up to date\n`,
  )
  return exitCodes.complete
}

async function showClient(context: CommandContext, flags: CodegenFlags): Promise<number> {
  if (flags.check === true) {
    const problem = '--check compares with a file, and --out is standard output'
    throw new ConnectError('usage', { details: { problem, fix: 'Give --out a file.' } })
  }
  const client = await askForClient(context, flags, [])
  const { output } = context
  const { instance } = flags
  await output.write(output.json ? `${JSON.stringify({ instance, client })}\n` : client)
  return exitCodes.complete
}

/** `names`: the names that stay. */
async function askForClient(
  { client }: CommandContext,
  flags: CodegenFlags,
  names: readonly StoredName[],
): Promise<string> {
  const request = {
    method: 'POST',
    isRead: true,
    path: apiPath('instances', flags.instance, 'codegen'),
    body: { refresh: flags.refresh === true, names },
    headers: { accept: 'text/plain, application/json' },
  } as const
  const text = await client.textOf(await client.send(request), request)
  if (text.startsWith(clientMark)) return text
  const reason = 'its response is not a client'
  throw new ConnectError('service_answer_invalid', { details: { url: client.url, reason } })
}

function refuseForeign(file: string, before: string | null): void {
  if (before === null || before === '' || before.startsWith(clientMark)) return
  throw new ConnectError('codegen_file_foreign', { details: { file } })
}

function outdatedError({ instance, out }: CodegenFlags, before: string | null): ConnectError {
  const problem = before === null ? 'does not exist' : 'differs from what codegen would write now'
  return new ConnectError('codegen_file_outdated', { details: { file: out, instance, problem } })
}

/** Null if there is none. Throws `codegen_file_unusable`. */
async function readClientFile(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw unusable(file, error)
  }
}

/** Makes its folder too. Throws `codegen_file_unusable`. */
async function writeClientFile(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  } catch (error) {
    throw unusable(file, error)
  }
}

function unusable(file: string, cause: unknown): ConnectError {
  return new ConnectError('codegen_file_unusable', {
    details: { file, reason: codeOf(cause) },
    cause,
  })
}

function codeOf(error: unknown): string {
  return errorCodeOf(error) ?? String(error)
}
