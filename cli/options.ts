import { InvalidArgumentError, Option } from 'commander'
import { splitStreamLabels } from '../protocol/stream-id.ts'
import { usageError } from './usage-error.ts'

export function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a port number: 0 to 65535.')
}

/** `--limit N` of a list. */
export function limitOption(): Option {
  return new Option('--limit <N>', 'how many at most; default: all').argParser(positiveNumber)
}

export function positiveNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1.')
}

/** A parser of whole numbers from 1 to `max`. */
export function numberUpTo(max: number): (text: string) => number {
  return (text) => {
    const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Infinity
    if (number <= max) return number
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${String(max)}.`)
  }
}

export function parseWholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0.')
}

/**
 * `--streams A,B`, once or more often. No name of a stream begins with a bracket or brace, unless it is in
 * quotation marks.
 * @param before of the option before it
 */
export function parseStreamNames(text: string, before: readonly string[] = []): readonly string[] {
  if (/^\s*[[{]/.test(text))
    throw usageError(
      '--streams takes names with commas between them, not JSON',
      'Give the JSON to `--stream-config` (of `connections create` and `connections update`), or write the names: `--streams orders,customers`. A name that begins with [ or { needs quotation marks.',
    )
  const names = splitStreamLabels(text)
  if (names.length === 0)
    throw usageError(
      '--streams names no stream',
      'Write the names: `--streams orders,customers`. For all streams, leave the option out.',
    )
  return [...before, ...names]
}

/** `--if-version N` of a change. */
export function ifVersionOption(): Option {
  return new Option(
    '--if-version <N>',
    'only if it still has this version (`get` shows it)',
  ).argParser(positiveNumber)
}
