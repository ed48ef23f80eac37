import { EVENT_ID, SCALAR_STYLE, getScalarValue } from 'js-yaml'
import type { Event, ScalarEvent } from 'js-yaml'
import { implicitTag, type ImplicitTag } from './implicit-tag.ts'
import type { Value } from '../value/value.ts'
import { NodeError } from './yaml-error.ts'

/** A document as a graph: an alias is the node of its anchor. Tags are complete (`tag:yaml.org,2002:int`). */
export type YamlNode = ScalarNode | SequenceNode | MappingNode
interface NodeBase {
  readonly tag: string
  /** Where it begins in the text. */
  readonly offset: number
  /** The value, once it is built: two aliases of an anchor are one value. */
  built?: Value
}
export interface ScalarNode extends NodeBase {
  readonly kind: 'scalar'
  readonly text: string
}
export interface SequenceNode extends NodeBase {
  readonly kind: 'sequence'
  readonly items: YamlNode[]
}
export interface MappingNode extends NodeBase {
  readonly kind: 'mapping'
  pairs: YamlPair[]
  /** True once `<<` entries have been replaced by what they name. */
  flattened: boolean
}
export interface YamlPair {
  readonly key: YamlNode
  readonly value: YamlNode
}

export const coreTag = 'tag:yaml.org,2002:'
/** The tags of what looks so, made once: a manifest has ten thousand scalars. */
export const coreTags: Readonly<Record<ImplicitTag, string>> = {
  bool: `${coreTag}bool`,
  float: `${coreTag}float`,
  int: `${coreTag}int`,
  merge: `${coreTag}merge`,
  null: `${coreTag}null`,
  str: `${coreTag}str`,
  timestamp: `${coreTag}timestamp`,
  value: `${coreTag}value`,
}

/** The node of the only document; null where the text holds none. */
export function compose(text: string, events: readonly Event[]): YamlNode | null {
  return new Composer(text, events).document()
}

class Composer {
  readonly #text: string
  readonly #events: readonly Event[]
  #next = 0
  readonly #anchors = new Map<string, YamlNode>()
  /** Anchors of collections that are not complete yet. */
  readonly #open = new Set<string>()
  #handles = new Map<string, string>()

  constructor(text: string, events: readonly Event[]) {
    this.#text = text
    this.#events = events
  }

  document(): YamlNode | null {
    const first = this.#events[this.#next++]
    if (first?.type !== EVENT_ID.DOCUMENT) return null
    this.#handles = new Map(
      first.directives.flatMap((directive) =>
        directive.kind === 'tag' ? [[directive.handle, directive.prefix] as const] : [],
      ),
    )
    const root = this.#node()
    this.#next += 1
    if (this.#next < this.#events.length) {
      throw new NodeError('Expected one document, but another one begins here', this.#offset())
    }
    return root
  }

  /** The offset of the next event that has one. */
  #offset(): number {
    for (const event of this.#events.slice(this.#next)) {
      if ('start' in event) return event.start
      if ('valueStart' in event && event.valueStart >= 0) return event.valueStart
    }
    return this.#text.length
  }

  /** The next node; null at the end of a collection or a document. */
  #node(): YamlNode | null {
    const event = this.#events[this.#next++]
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        return this.#anchored(event, this.#scalar(event))
      case EVENT_ID.ALIAS:
        return this.#alias(event)
      case EVENT_ID.SEQUENCE: {
        const tag = this.#tag(event) ?? `${coreTag}seq`
        const node: SequenceNode = { kind: 'sequence', tag, offset: event.start, items: [] }
        this.#fill(event, node, (item) => node.items.push(item))
        return node
      }
      case EVENT_ID.MAPPING: {
        const tag = this.#tag(event) ?? `${coreTag}map`
        const node: MappingNode = {
          kind: 'mapping',
          tag,
          offset: event.start,
          pairs: [],
          flattened: false,
        }
        this.#fill(event, node, (key) => node.pairs.push({ key, value: this.#present() }))
        return node
      }
      case EVENT_ID.DOCUMENT:
      case EVENT_ID.POP:
      case undefined:
        return null
    }
  }

  #fill(event: Anchored, node: YamlNode, add: (child: YamlNode) => void): void {
    this.#anchored(event, node)
    const name = this.#anchorName(event)
    if (name !== undefined) this.#open.add(name)
    for (let child = this.#node(); child !== null; child = this.#node()) add(child)
    if (name !== undefined) this.#open.delete(name)
  }

  #present(): YamlNode {
    const node = this.#node()
    if (node === null) throw new NodeError('A key has no value', this.#offset())
    return node
  }

  #scalar(event: ScalarEvent): ScalarNode {
    const text = event.valueStart < 0 ? '' : this.#scalarText(event)
    const offset = event.valueStart < 0 ? this.#offset() : event.valueStart
    const plain = event.style === SCALAR_STYLE.PLAIN ? implicitTag(text) : 'str'
    return { kind: 'scalar', tag: this.#tag(event) ?? coreTags[plain], offset, text }
  }

  #scalarText(event: ScalarEvent): string {
    const value = getScalarValue(this.#text, event)
    // A block scalar at the very end keeps the line break that is there: PyYAML adds none.
    const isOpenEnded =
      (event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK) &&
      event.valueEnd >= this.#text.length &&
      !/[\r\n]$/.test(this.#text)
    return isOpenEnded && value.endsWith('\n') ? value.slice(0, -1) : value
  }

  #alias(event: { readonly anchorStart: number; readonly anchorEnd: number }): YamlNode {
    const name = this.#text.slice(event.anchorStart, event.anchorEnd)
    const node = this.#anchors.get(name)
    if (node === undefined) {
      throw new NodeError(`The alias "${name}" has no anchor before it`, event.anchorStart)
    }
    if (this.#open.has(name)) {
      throw new NodeError(`The alias "${name}" is inside its own anchor`, event.anchorStart)
    }
    return node
  }

  #anchorName(event: Anchored): string | undefined {
    return event.anchorStart < 0 ? undefined : this.#text.slice(event.anchorStart, event.anchorEnd)
  }

  #anchored<Node extends YamlNode>(event: Anchored, node: Node): Node {
    const name = this.#anchorName(event)
    if (name === undefined) return node
    if (this.#anchors.has(name)) {
      throw new NodeError(`The anchor "${name}" is defined twice`, event.anchorStart)
    }
    this.#anchors.set(name, node)
    return node
  }

  /** The complete tag, undefined where the node has none, or the one that means "as if it had none". */
  #tag(event: Tagged): string | undefined {
    if (event.tagStart < 0) return undefined
    const written = this.#text.slice(event.tagStart, event.tagEnd)
    if (written === '!') return undefined
    if (written.startsWith('!<')) return written.slice(2, -1)
    const handle = /^!(?:[\w-]*!)?/.exec(written)?.[0] ?? '!'
    const prefix = this.#handles.get(handle) ?? (handle === '!!' ? coreTag : handle)
    return prefix + decodePercents(written.slice(handle.length))
  }
}

interface Anchored {
  readonly anchorStart: number
  readonly anchorEnd: number
}
interface Tagged {
  readonly tagStart: number
  readonly tagEnd: number
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not UTF-8: no tag that is known has such a name, and the name as written is what the error shows.
    return text
  }
}
