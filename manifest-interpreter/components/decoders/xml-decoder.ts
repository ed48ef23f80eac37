import { SaxesParser } from 'saxes'
import { emptyDict, get, isEmpty, set } from '../../value/dict.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { PageDecoder } from './page-decoder.ts'
import type { ReportUnreadable } from './unreadable-response.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/**
 * XmlDecoder: the document as one dict, as Python's `xmltodict` makes it. Attributes are under `@name`, text
 * beside them or beside elements under `#text`, repeated elements are a list, an empty element is null. Names
 * keep their prefixes. A document that is not well-formed is an empty dict, and reported. Entities that the
 * document declares are never expanded.
 */
export function xmlDecoder(report?: ReportUnreadable): PageDecoder {
  const values = new WeakMap<HttpResponse, Promise<Value>>()
  const treeOf = async (response: HttpResponse): Promise<Value> => {
    const tree = xmlTree(await response.text())
    if (tree === undefined) report?.(response, { format: 'XML', body: await response.bytes() })
    return tree ?? {}
  }
  const whole = (response: HttpResponse) => {
    const known = values.get(response)
    if (known !== undefined) return known
    const value = treeOf(response)
    values.set(response, value)
    return value
  }
  return {
    streams: false,
    supportsPagination: true,
    whole,
    async *decode(response) {
      yield [await whole(response)]
    },
  }
}

/** An open element and its content so far. */
interface OpenElement {
  readonly name: string
  readonly content: PlainDict
  text: string
}

/** Undefined if the text is no well-formed document. */
export function xmlTree(text: string): Value | undefined {
  const parser = new SaxesParser({ xmlns: false, position: false } as const)
  const root: OpenElement = { name: '', content: emptyDict(), text: '' }
  const open: OpenElement[] = [root]
  const failures: Error[] = []
  const addText = (part: string) => {
    const element = open.at(-1)
    if (element !== undefined && element !== root) element.text += part
  }
  parser.on('error', (error) => {
    failures.push(error)
  })
  parser.on('doctype', (doctype) => {
    for (const name of unexpandedEntities(doctype, text)) parser.ENTITIES[name] ??= ''
  })
  parser.on('opentag', ({ name, attributes }) => {
    const content = emptyDict()
    for (const [key, value] of Object.entries(attributes)) set(content, `@${key}`, value)
    open.push({ name, content, text: '' })
  })
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.on('closetag', () => {
    const element = open.pop()
    const parent = open.at(-1)
    if (element !== undefined && parent !== undefined)
      addMember(parent.content, element.name, valueOf(element))
  })
  // The parser fails in its own way on half a character.
  parser.write(text.toWellFormed()).close()
  return failures.length > 0 ? undefined : root.content
}

/**
 * Entities that are left out: those that the document declares. If its declarations stand elsewhere and are
 * not read, all that it uses are left out. Any other entity is an error.
 */
function* unexpandedEntities(doctype: string, document: string): Iterable<string> {
  for (const [, name = ''] of doctype.matchAll(/<!ENTITY\s+([^\s%>"']+)\s/g)) yield name
  const [head = ''] = doctype.split('[')
  if (!/\b(?:SYSTEM|PUBLIC)\b/.test(head)) return
  for (const [, name = ''] of document.matchAll(/&([^\s;&#<>]+);/g)) yield name
}

function valueOf({ content, text }: OpenElement): Value {
  const stripped = strip(text)
  if (isEmpty(content)) return stripped === '' ? null : stripped
  if (stripped !== '') addMember(content, '#text', stripped)
  return content
}

/** A name that comes again makes a list. */
function addMember(dict: PlainDict, name: string, value: Value): void {
  const known = get(dict, name)
  if (known === undefined) set(dict, name, value)
  else if (Array.isArray(known)) known.push(value)
  else set(dict, name, [known, value])
}

const space = /[^\S\uFEFF]|[\x1c-\x1f\x85]/

/**
 * Python's `str.strip`: removes the characters that JavaScript takes for space, except U+FEFF, and five
 * control characters.
 */
function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && space.test(text.charAt(start))) start += 1
  while (end > start && space.test(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}
