import { InvalidArgumentError, Option } from 'commander'

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

export function parseWholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 0.')
}

/** `--if-version N` of a change. */
export function ifVersionOption(): Option {
  return new Option(
    '--if-version <N>',
    'only if it still has this version (`get` shows it)',
  ).argParser(positiveNumber)
}
