import { TomlError, parse } from 'smol-toml'
import { problemAt } from './file-problem.ts'
import type { SourceDocument } from './source-position.ts'
import { indexToml } from './toml-positions.ts'

/** Parses a TOML run file and records the positions of its fields. */
export function parseToml(text: string, file: string): SourceDocument {
  try {
    const value = parse(text)
    return { value, positions: indexToml(text) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The rest of the message shows lines of the file, which may contain secrets.
    const problem = (error.message.split('\n', 1)[0] ?? '').replace('Invalid TOML document: ', '')
    const fix = fixFor(problem)
    const position = { line: error.line, column: error.column }
    throw problemAt({ code: 'run_file_syntax', path: [], at: 'value', problem, fix }, position, {
      file,
    })
  }
}

function fixFor(problem: string): string {
  if (problem.includes('redefine'))
    return 'Keep one of the two fields or tables of the same name; write a list of tables as `[[streams]]`.'
  if (/invalid value|unfinished|numeric/.test(problem))
    return 'Put text into quotes ("…"), and close every quote and bracket.'
  if (problem.includes('key'))
    return 'Write `name = value` on a line of its own, and tables as `[name]`.'
  return 'Check quotes, brackets and commas at this place; text must be in quotes.'
}
