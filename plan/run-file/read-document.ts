import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { notUtf8, notUtf8Fix, utf8Text } from '../../lib/text/utf8-text.ts'
import { ConnectError } from '../../protocol/index.ts'
import { parseToml } from './parse-toml.ts'
import { parseYaml } from './parse-yaml.ts'
import type { SourceDocument } from './source-position.ts'

/** `file`: its name, for messages; the extension chooses the language. */
export function parseDocument(text: string, file: string): SourceDocument {
  const extension = extname(file).toLowerCase()
  if (extension === '.toml') return parseToml(text, file)
  if (extension === '.yaml' || extension === '.yml') return parseYaml(text, file)
  const problem =
    extension === '' ? 'the name has no extension' : `the extension ${extension} is unknown`
  throw unreadable(file, problem, 'Name the run file `.yaml`, `.yml` or `.toml`.')
}

/** Throws `run_file_unreadable`. */
export async function readDocumentText(file: string): Promise<string> {
  const text = utf8Text(await readBytes(file))
  if (text === undefined) throw unreadable(file, notUtf8, notUtf8Fix)
  return text
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const code = errorCodeOf(error) ?? 'unknown'
    const [problem, fix] = readFailures[code] ?? [
      `the file cannot be read (${code})`,
      'Give the user of this command the right to read it.',
    ]
    throw unreadable(file, problem, fix)
  }
}

const readFailures: Readonly<Record<string, readonly [problem: string, fix: string]>> = {
  ENOENT: ['there is no such file', 'Check the path; it is relative to the current folder.'],
  EISDIR: ['this is a folder', 'Name a run file (`.yaml` or `.toml`).'],
}

function unreadable(file: string, problem: string, fix: string): ConnectError {
  return new ConnectError('run_file_unreadable', { details: { file, problem, fix } })
}
