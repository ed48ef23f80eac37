import { EVENT_ID, SCALAR_STYLE, getScalarValue } from 'js-yaml'
import type { Event, MappingEvent, ScalarEvent, SequenceEvent } from 'js-yaml'
import { dictOf, emptyDict, entries, isIndexLike, set } from '../value/dict.ts'
import { isHashable } from '../value/hashable.ts'
import { equals } from '../value/equality.ts'
import { PySet, PyTuple, type Dict, type Value } from '../value/value.ts'
import { implicitTag } from './implicit-tag.ts'
import { scalarValue } from './scalar-value.ts'
import { coreTag, tagName } from './tag-name.ts'
import { NodeError } from './yaml-error.ts'

/** Entries that merge keys may add to a document: a small text can ask for billions. */
const maxMergedEntries = 200_000

/** A node of which more than its value counts: aliases, merge keys and pairs ask for it. */
interface Node {
  readonly kind: 'scalar' | 'sequence' | 'mapping'
  /** Where it begins in the text. */
  readonly offset: number
  /** Undefined while the node is not complete. */
  value?: Value
  /** The entries of a mapping, merged ones first. */
  pairs?: readonly Pair[]
  /** The items of a sequence. */
  items?: readonly Node[]
}

/** An entry of a mapping that may be merged into others. */
interface Pair {
  readonly key: Value
  readonly value: Value
  /**
   * The identity by which the reference distinguishes merged entries, if it is not the pair itself: that of
   * the key's object. Texts of one character (and the empty text) are single objects in Python, so for those
   * the first entry wins.
   */
  readonly identity: unknown
}

/** Stands where a collection or a document ends. */
const end = Symbol('end')
/** Stands for the key `<<`. */
const merge = Symbol('merge')

interface AnchoredNode {
  readonly anchorStart: number
  readonly anchorEnd: number
}

/** Builds the value of the only document from the events of its text; null if the text holds none. */
export function construct(text: string, events: readonly Event[]): Value {
  return new Constructor(text, events).document()
}

class Constructor {
  readonly #text: string
  readonly #events: readonly Event[]
  #next = 0
  readonly #anchors = new Map<string, Node>()
  #handles = new Map<string, string>()
  #merged = 0

  constructor(text: string, events: readonly Event[]) {
    this.#text = text
    this.#events = events
  }

  document(): Value {
    const first = this.#events[this.#next++]
    if (first?.type !== EVENT_ID.DOCUMENT) return null
    this.#handles = new Map(
      first.directives.flatMap((directive) =>
        directive.kind === 'tag' ? [[directive.handle, directive.prefix] as const] : [],
      ),
    )
    const root = this.#value()
    this.#next += 1
    if (this.#next < this.#events.length) {
      throw new NodeError('Expected one document, but another one begins here', this.#offset())
    }
    return root === end ? null : root
  }

  /** The offset of the next event that has one. */
  #offset(): number {
    for (const event of this.#events.slice(this.#next)) {
      if ('start' in event) return event.start
      if ('valueStart' in event && event.valueStart >= 0) return event.valueStart
    }
    return this.#text.length
  }

  /** The value of the next node; `end` at the end of a collection or a document. */
  #value(): Value | typeof end {
    const event = this.#events[this.#next]
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) {
      this.#next += 1
      return end
    }
    if (event.type === EVENT_ID.ALIAS || event.anchorStart >= 0) return valueOf(this.#node())
    this.#next += 1
    if (event.type === EVENT_ID.SCALAR) return this.#scalar(event)
    return event.type === EVENT_ID.SEQUENCE ? this.#sequence(event) : this.#mapping(event)
  }

  #present(): Value {
    const value = this.#value()
    if (value === end) throw new NodeError('A key has no value', this.#offset())
    return value
  }

  /** As `#value`, with what the node is made of. */
  #node(): Node | typeof end {
    const event = this.#events[this.#next++]
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        return this.#anchored(event, {
          kind: 'scalar',
          offset: this.#offsetOf(event),
          value: this.#scalar(event),
        })
      case EVENT_ID.SEQUENCE: {
        const node: Node = { kind: 'sequence', offset: event.start }
        this.#anchored(event, node)
        node.items = this.#items()
        node.value = this.#sequenceOf(event, node.items)
        return node
      }
      case EVENT_ID.MAPPING: {
        const node: Node = { kind: 'mapping', offset: event.start }
        this.#anchored(event, node)
        node.value = this.#mapping(event, node)
        return node
      }
      case EVENT_ID.ALIAS:
        return this.#alias(event)
      case EVENT_ID.DOCUMENT:
      case EVENT_ID.POP:
      case undefined:
        return end
    }
  }

  #alias(event: AnchoredNode): Node {
    const name = this.#text.slice(event.anchorStart, event.anchorEnd)
    const node = this.#anchors.get(name)
    if (node === undefined) {
      throw new NodeError(`The alias "${name}" has no anchor before it`, event.anchorStart)
    }
    return node
  }

  #anchored(event: AnchoredNode, node: Node): Node {
    if (event.anchorStart < 0) return node
    const name = this.#text.slice(event.anchorStart, event.anchorEnd)
    if (this.#anchors.has(name)) {
      throw new NodeError(`The anchor "${name}" is defined twice`, event.anchorStart)
    }
    this.#anchors.set(name, node)
    return node
  }

  #scalar(event: ScalarEvent): Value {
    const text = this.#scalarText(event)
    return this.#scalarOf(event, this.#scalarType(event, text), text)
  }

  #scalarOf(event: ScalarEvent, type: string, text: string): Value {
    try {
      const value = scalarValue(type, text)
      if (value !== undefined) return value
    } catch (error) {
      if (error instanceof RangeError) throw new NodeError(error.message, this.#offsetOf(event))
      throw error
    }
    if (type !== 'merge' && type !== 'value')
      throw unknownTag(coreTag + type, 'scalar', this.#offsetOf(event))
    const message = `Put "${text}" in quotes: without them it is not a valid value here`
    throw new NodeError(message, this.#offsetOf(event))
  }

  #scalarText(event: ScalarEvent): string {
    if (event.valueStart < 0) return ''
    const value = getScalarValue(this.#text, event)
    // A block scalar at the very end retains its line break: PyYAML adds none.
    const isOpenEnded =
      (event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK) &&
      event.valueEnd >= this.#text.length &&
      !/[\r\n]$/.test(this.#text)
    return isOpenEnded && value.endsWith('\n') ? value.slice(0, -1) : value
  }

  #scalarType(event: ScalarEvent, text: string): string {
    const type = this.#type(event, 'scalar')
    return type ?? (event.style === SCALAR_STYLE.PLAIN ? implicitTag(text) : 'str')
  }

  #offsetOf(event: ScalarEvent): number {
    return event.valueStart < 0 ? this.#offset() : event.valueStart
  }

  /** The name of one of YAML's own types; undefined if the node has no tag. */
  #type(event: ScalarEvent | SequenceEvent | MappingEvent, kind: Node['kind']): string | undefined {
    if (event.tagStart < 0) return undefined
    const tag = tagName(this.#text.slice(event.tagStart, event.tagEnd), this.#handles)
    if (tag === undefined || tag.startsWith(coreTag)) return tag?.slice(coreTag.length)
    throw unknownTag(
      tag,
      kind,
      event.type === EVENT_ID.SCALAR ? this.#offsetOf(event) : event.start,
    )
  }

  #sequence(event: SequenceEvent): Value {
    if (event.tagStart >= 0) return this.#sequenceOf(event, this.#items())
    const items: Value[] = []
    for (let item = this.#value(); item !== end; item = this.#value()) items.push(item)
    return items
  }

  #items(): readonly Node[] {
    const items: Node[] = []
    for (let item = this.#node(); item !== end; item = this.#node()) items.push(item)
    return items
  }

  #sequenceOf(event: SequenceEvent, items: readonly Node[]): Value {
    const type = this.#type(event, 'sequence') ?? 'seq'
    if (type === 'seq') return items.map((item) => item.value ?? null)
    if (type === 'omap' || type === 'pairs') return items.map(tupleOf)
    throw unknownTag(coreTag + type, 'sequence', event.start)
  }

  /** @param node gets the entries */
  #mapping(event: MappingEvent, node?: Node): Value {
    const type = this.#type(event, 'mapping') ?? 'map'
    if (type !== 'map' && type !== 'set') throw unknownTag(coreTag + type, 'mapping', event.start)
    let own: Dict = emptyDict()
    const pairs: Pair[] = []
    const merged = new Map<unknown, Pair>()
    for (;;) {
      const event = this.#events[this.#next]
      const key = this.#key(event)
      if (key === end) break
      if (key === merge) this.#takeMerged(merged)
      else {
        const value = this.#present()
        own = withEntry(own, key, value)
        if (node !== undefined) pairs.push({ key, value, identity: this.#identity(event) })
      }
    }
    if (node !== undefined) node.pairs = [...merged.values(), ...pairs]
    if (merged.size > 0) {
      const first = Array.from(merged.values(), ({ key, value }): [Value, Value] => [key, value])
      own = dictOf([...first, ...entries(own)])
    }
    return type === 'map' ? own : setOf(entries(own).map(([key]) => key))
  }

  /** The next node as a key of a mapping; `merge` if it is `<<`. */
  #key(event: Event | undefined): Value | typeof merge | typeof end {
    if (event?.type !== EVENT_ID.SCALAR) return this.#otherKey(event)
    this.#next += 1
    const text = this.#scalarText(event)
    const type = this.#scalarType(event, text)
    const key =
      type === 'str' || type === 'merge' || type === 'value'
        ? text
        : this.#scalarOf(event, type, text)
    if (event.anchorStart >= 0)
      this.#anchored(event, { kind: 'scalar', offset: this.#offsetOf(event), value: key })
    return type === 'merge' ? merge : key
  }

  #otherKey(event: Event | undefined): Value | typeof end {
    const key = this.#value()
    if (key === end || isHashable(key)) return key
    const offset = event !== undefined && 'start' in event ? event.start : this.#offset()
    throw new NodeError('A list or a mapping cannot be a key', offset)
  }

  #identity(event: Event | undefined): unknown {
    if (event?.type === EVENT_ID.SCALAR) return shortText(this.#scalarText(event))
    if (event?.type !== EVENT_ID.ALIAS) return undefined
    const node = this.#alias(event)
    return shortText(node.value) ?? node
  }

  /**
   * Takes the entries that `<<` names. They come before the mapping's own entries, so that its own win. If
   * several mappings are merged, the later ones win, but an entry that is reached twice stands where it was
   * reached first.
   */
  #takeMerged(merged: Map<unknown, Pair>): void {
    const named = this.#node()
    if (named === end) throw new NodeError('A key has no value', this.#offset())
    for (const source of named.kind === 'sequence' ? (named.items ?? []) : [named]) {
      if (source.kind !== 'mapping') {
        throw new NodeError('Expected a mapping, or a list of mappings, after "<<"', source.offset)
      }
      for (const pair of source.pairs ?? []) {
        this.#merged += 1
        if (this.#merged > maxMergedEntries) {
          throw new NodeError('Merge keys ("<<") add too many entries', source.offset)
        }
        const identity = pair.identity ?? pair
        if (!merged.has(identity)) merged.set(identity, pair)
      }
    }
  }
}

function valueOf(node: Node | typeof end): Value | typeof end {
  return node === end ? end : (node.value ?? null)
}

/** Returns the dict, or another dict if it cannot hold the key in its place. */
function withEntry(dict: Dict, key: Value, value: Value): Dict {
  const keeps = dict instanceof Map || (typeof key === 'string' && !isIndexLike(key))
  const holder = keeps ? dict : new Map(entries(dict))
  set(holder, key, value)
  return holder
}

function shortText(text: Value | undefined): string | undefined {
  return typeof text === 'string' && text.length < 2 && text < '\u0100' ? text : undefined
}

function tupleOf(node: Node): PyTuple {
  const [pair, ...others] = node.pairs ?? []
  if (pair === undefined || others.length > 0) {
    throw new NodeError('Expected a mapping with one entry', node.offset)
  }
  return new PyTuple([pair.key, pair.value])
}

function unknownTag(tag: string, kind: Node['kind'], offset: number): NodeError {
  const shown = tag.replace(coreTag, '!!')
  return new NodeError(`The tag "${shown}" is not allowed on a ${kind} here`, offset)
}

function setOf(keys: readonly Value[]): PySet {
  const distinct: Value[] = []
  for (const key of keys) if (!distinct.some((other) => equals(other, key))) distinct.push(key)
  return new PySet(distinct)
}
