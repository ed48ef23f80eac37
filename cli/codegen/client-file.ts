import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConnectError } from '../../protocol/index.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'

/** Null if there is none. Throws `codegen_file_unusable`. */
export async function readClientFile(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw unusable(file, error)
  }
}

/** Makes its folder too. Throws `codegen_file_unusable`. */
export async function writeClientFile(file: string, text: string): Promise<void> {
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
