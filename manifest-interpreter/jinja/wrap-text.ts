import { valueError } from '../value/python-error.ts'
import { codePointLength, codePoints } from './iterate.ts'
import { lines } from './methods/string-splitting.ts'

export interface WrapOptions {
  readonly width: number
  readonly breakLongWords: boolean
  readonly breakOnHyphens: boolean
  readonly separator: string
}

/** Each line of a text, broken at spaces into lines of at most `width` characters, as textwrap does. */
export function wrapText(text: string, options: WrapOptions): string {
  if (options.width <= 0) throw valueError('invalid width (must be > 0)')
  return lines(text, false)
    .map((line) => wrapLine(line, options).join(options.separator))
    .join(options.separator)
}

function wrapLine(line: string, options: WrapOptions): string[] {
  const wrapped: string[] = []
  const chunks = chunksOf(line, options)
  let current = ''
  for (const chunk of chunks) {
    const isSpace = chunk.trim() === ''
    if (current === '' && isSpace && wrapped.length > 0) continue
    if (codePointLength(current + chunk) <= options.width) current += chunk
    else if (isSpace) {
      wrapped.push(current.trimEnd())
      current = ''
    } else current = placed(chunk, current, { wrapped, options })
  }
  if (current.trimEnd() !== '') wrapped.push(current.trimEnd())
  return wrapped
}

/** Puts a word that does not fit behind `current`; gives the line that is open then. */
function placed(
  word: string,
  current: string,
  { wrapped, options }: { readonly wrapped: string[]; readonly options: WrapOptions },
): string {
  let rest = word
  let line = current
  if (codePointLength(word) <= options.width || !options.breakLongWords) {
    if (line.trimEnd() !== '') wrapped.push(line.trimEnd())
    return word
  }
  while (codePointLength(line + rest) > options.width) {
    const room = options.width - codePointLength(line)
    const chars = codePoints(rest)
    wrapped.push((line + chars.slice(0, room).join('')).trimEnd())
    rest = chars.slice(room).join('')
    line = ''
  }
  return line + rest
}

function chunksOf(line: string, options: WrapOptions): string[] {
  const chunks = line.split(/(\s+)/).filter((chunk) => chunk !== '')
  if (!options.breakOnHyphens) return chunks
  // Behind a hyphen between letters, a word may end.
  return chunks.flatMap((chunk) => chunk.split(/(?<=[\p{L}\d_]-)(?=[\p{L}_])/u))
}
