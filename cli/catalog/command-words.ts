import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { usageError } from '../usage-error.ts'

const wordPart = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/gsy

/**
 * The words of a command as a shell splits them: quotes and backslashes, and nothing else of a shell. Throws
 * `usage` for an open quote or no word.
 */
export function commandWords(command: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const part of partsOf(command)) {
    if (part !== undefined) word = (word ?? '') + part
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (word !== undefined) words.push(word)
  if (words.length === 0)
    throw usageError('--command is empty', 'Write it like --command "source-faker".')
  return words
}

/** The parts of words without their quotes; undefined for space between words. */
function partsOf(command: string): readonly (string | undefined)[] {
  const matches = [...command.matchAll(wordPart)]
  const length = matches.reduce((sum, [text]) => sum + text.length, 0)
  if (length < command.length)
    throw usageError('--command has a quotation mark that is not closed', 'Close it.')
  return matches.map(
    ([, single, double, escaped, plain]) =>
      single ?? double?.replace(/\\(.)/gs, '$1') ?? escaped ?? plain,
  )
}

/**
 * The same command for another working directory: the program by its absolute path, and files of `folder`
 * too. Throws `usage` if there is no such program.
 */
export function absoluteCommand(
  [program = '', ...args]: readonly string[],
  { folder, path }: { readonly folder: string; readonly path: string },
): readonly string[] {
  const candidates = program.includes('/')
    ? [resolve(folder, program)]
    : path
        .split(delimiter)
        .filter((part) => isAbsolute(part))
        .map((part) => join(part, program))
  const found = candidates.find(isExecutable)
  if (found === undefined)
    throw usageError(
      `There is no program ${program} that this user may execute`,
      'Name a program of PATH, or the path of one.',
    )
  return [found, ...args.map((word) => absoluteFile(word, folder))]
}

function absoluteFile(word: string, folder: string): string {
  const path = resolve(folder, word)
  return !word.startsWith('-') && word !== '' && existsSync(path) ? path : word
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
