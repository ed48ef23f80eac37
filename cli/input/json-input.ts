import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { UserInput } from './user-input.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'
import { jsonProblem } from './json-problem.ts'
import { usageError } from '../usage-error.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { notUtf8, notUtf8Fix, utf8Text } from '../../lib/text/utf8-text.ts'

export interface JsonInput<Value> {
  readonly value: Value
  /** It was on the command line, where others can see it. */
  readonly isVisible: boolean
}

/**
 * An object that an option gives: as JSON, as the name of a file, or as `-` for standard input. Throws
 * `usage`.
 */
export async function readJsonObject(
  option: string,
  value: string,
  input: UserInput,
): Promise<JsonInput<JsonObject>> {
  return readJson({ option, value, schema: jsonObjectSchema, what: 'a JSON object' }, input)
}

export interface JsonOption<Schema extends z.ZodType> {
  readonly option: string
  readonly value: string
  readonly schema: Schema
  readonly what: string
  /** Explains why JSON does not fit the schema; default: only says that it does not. */
  readonly explain?: (issues: readonly z.core.$ZodIssue[], document: unknown) => ConnectError
}

/** The message does not contain the text, which may hold secrets. */
export async function readJson<Schema extends z.ZodType>(
  { option, value, schema, what, explain }: JsonOption<Schema>,
  input: UserInput,
): Promise<JsonInput<z.output<Schema>>> {
  const isVisible = /^\s*[[{]/.test(value)
  const text = isVisible ? value : await readSource(option, value, input)
  const problem = jsonProblem(text)
  if (problem !== undefined) throw jsonUsageError(`${option} is not ${what}: ${problem}`, option)
  const document: unknown = JSON.parse(text)
  const parsed = schema.safeParse(document)
  if (parsed.success) return { value: parsed.data, isVisible }
  throw (
    explain?.(parsed.error.issues, document) ?? jsonUsageError(`${option} is not ${what}`, option)
  )
}

/** `@FILE` is `FILE`, as for curl, unless there is a file whose name begins with @. */
async function readSource(option: string, value: string, input: UserInput): Promise<string> {
  if (value === '-') return input.readAll()
  try {
    return fileText(option, value, await readFile(value))
  } catch (error) {
    if (error instanceof ConnectError) throw error
    const file = value.startsWith('@') ? value.slice(1) : undefined
    const found = file === undefined ? undefined : await readFile(file).catch(() => undefined)
    if (file !== undefined && found !== undefined) return fileText(option, file, found)
    throw unreadableFile(option, file ?? value, error)
  }
}

function fileText(option: string, file: string, bytes: Uint8Array): string {
  const text = utf8Text(bytes)
  if (text !== undefined) return text
  throw usageError(`The file${nameOf(file)} for ${option} cannot be used: ${notUtf8}`, notUtf8Fix)
}

function nameOf(file: string): string {
  return looksLikeFile.test(file) ? ` ${file}` : ''
}

function unreadableFile(option: string, file: string, error: unknown): ConnectError {
  const code = errorCodeOf(error) ?? String(error)
  const named = nameOf(file)
  if (code === 'ENOENT')
    return jsonUsageError(
      named === ''
        ? `The value of ${option} is neither a JSON text nor the name of a file`
        : `There is no file${named} for ${option}`,
      option,
      error,
    )
  const reason = fileReasons[code] ?? `it cannot be read (${code})`
  return jsonUsageError(`The file${named} for ${option} is of no use: ${reason}`, option, error)
}

/** The name of a file, which may be shown: anything else may be a secret that was meant to be in a file. */
const looksLikeFile = /^(?:\.{0,2}|~)\/[\w./ -]+$|^[\w./ -]+\.[a-z]{2,5}$/i

const fileReasons: Readonly<Record<string, string>> = {
  EACCES: 'you may not read it',
  EISDIR: 'it is a folder',
}

function jsonUsageError(problem: string, option: string, cause?: unknown): ConnectError {
  const fix = `Give ${option} a JSON text, the name of a JSON file, or \`-\` to read standard input.`
  return usageError(problem, fix, cause)
}
