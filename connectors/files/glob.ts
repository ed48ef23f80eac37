/** Paths that fit a pattern. */
export interface Glob {
  /** All of them begin with it. */
  readonly start: string
  matches(path: string): boolean
}

/** A place where programs put what is no data: `_SUCCESS`, `_temporary/`, `.part.crc`. */
const hiddenPart = /(?:^|\/)[._][^/=]*(?:\/|$)/

/**
 * A pattern of paths: `*` is any part of a name, `?` one character, `[a-c]` one of several, `{a,b}` one of
 * several texts, `**` any folders. A name that begins with a dot or an underscore fits only if the pattern
 * spells it.
 */
export function globOf(pattern: string): Glob {
  const plain = pattern.replace(/^(?:\.?\/)+/, '')
  const expression = new RegExp(`^${expressionOf(plain)}$`, 'u')
  const spellsHidden = hiddenPart.test(plain)
  return {
    start: /^[^*?[{]*/.exec(plain)?.[0] ?? '',
    matches: (path) => expression.test(path) && (spellsHidden || !hiddenPart.test(path)),
  }
}

const tokens = /\*\*\/|\*\*|\*|\?|\[!?[^\]/]+\]|\{[^{}]*\}|[^*?[{]+|[[{]/gu

function expressionOf(pattern: string): string {
  return pattern.replaceAll(tokens, (token) => {
    if (token === '**/') return '(?:[^/]+/)*'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('[') && token.length > 1) return classOf(token)
    if (token.startsWith('{') && token.length > 1) return choiceOf(token)
    return escaped(token)
  })
}

function classOf(token: string): string {
  const isNot = token.startsWith('[!')
  const inside = token.slice(isNot ? 2 : 1, -1).replaceAll(/[\\\]^]/g, String.raw`\$&`)
  return isNot ? `[^/${inside}]` : `[${inside}]`
}

function choiceOf(token: string): string {
  return `(?:${token.slice(1, -1).split(',').map(expressionOf).join('|')})`
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}
