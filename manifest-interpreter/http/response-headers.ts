import { emptyDict, set } from '../value/dict.ts'
import type { PlainDict, Value } from '../value/value.ts'

/**
 * The headers of a response as templates see them in error handlers and backoff strategies: a dict that
 * retains the case of the wire and finds a name in any case. Repeated headers are joined with `, ` as
 * Python's `requests` does.
 */
export class ResponseHeaders extends Map<Value, Value> {
  readonly #names = new Map<string, string>()

  constructor(headers: Iterable<readonly [name: string, value: string]> = []) {
    super()
    for (const [name, value] of headers) {
      const known = this.#names.get(name.toLowerCase())
      if (known === undefined) {
        this.#names.set(name.toLowerCase(), name)
        super.set(name, value)
      } else super.set(known, `${this.text(known) ?? ''}, ${value}`)
    }
  }

  /** The value of a header, by its name in any case. */
  text(name: string): string | undefined {
    const value = this.get(name)
    return typeof value === 'string' ? value : undefined
  }

  override get(name: Value): Value | undefined {
    return super.get(this.#spelled(name))
  }

  override has(name: Value): boolean {
    return super.has(this.#spelled(name))
  }

  #spelled(name: Value): Value {
    return typeof name === 'string' ? (this.#names.get(name.toLowerCase()) ?? name) : name
  }

  /** A dict whose names are matched exactly, with `link` parsed: the `headers` of paginators. */
  toDict(): PlainDict {
    const dict = emptyDict()
    for (const [name, value] of this) set(dict, name, value)
    dict.link = parseLinks(this.text('link') ?? '')
    return dict
  }
}

/** `Link` headers by their `rel` (or URL, if there is none): each a dict with `url` and the parameters. */
export function parseLinks(header: string): PlainDict {
  const links = emptyDict()
  const trimmed = strip(header, ' \'"')
  if (trimmed === '') return links
  for (const part of trimmed.split(/, *</)) {
    const semicolon = part.indexOf(';')
    const target = semicolon < 0 ? part : part.slice(0, semicolon)
    let name = strip(target, '<> \'"')
    const link: PlainDict = { url: name }
    for (const parameter of semicolon < 0 ? [] : part.slice(semicolon + 1).split(';')) {
      const [key, value, more] = parameter.split('=')
      if (key === undefined || value === undefined || more !== undefined) break
      set(link, strip(key, ' \'"'), strip(value, ' \'"'))
    }
    if (typeof link.rel === 'string' && link.rel !== '') name = link.rel
    set(links, name, link)
  }
  return links
}

function strip(text: string, characters: string): string {
  let start = 0
  let end = text.length
  while (start < end && characters.includes(text.charAt(start))) start += 1
  while (end > start && characters.includes(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}
