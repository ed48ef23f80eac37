import { COLLECTION_STYLE, EVENT_ID, YAMLException, getScalarValue, parseEvents } from 'js-yaml'
import type { Event } from 'js-yaml'

/** A node of a document, and where it is in the text: for edits that leave all other lines as they are. */
export interface PlacedNode {
  readonly kind: 'scalar' | 'sequence' | 'mapping' | 'alias'
  /** In brackets or braces. */
  readonly isFlow: boolean
  /** The text of a scalar. */
  readonly text?: string
  /** The entries of a mapping. */
  readonly entries: readonly PlacedEntry[]
  /** The items of a sequence. */
  readonly items: readonly PlacedNode[]
}

export interface PlacedEntry {
  readonly key: string
  /** The keys and numbers that lead to it from the root, its own key last. */
  readonly path: readonly string[]
  /** Offset of the key in the text. */
  readonly keyStart: number
  /** Its mapping is written in braces. */
  readonly isInFlow: boolean
  readonly value: PlacedNode
}

const none = { isFlow: false, entries: [], items: [] } as const

/**
 * The root of the first document of a text that `loadYaml` can read; undefined if it is empty, or if it is
 * written in a way that only `loadYaml` accepts.
 */
export function placedNodes(text: string): PlacedNode | undefined {
  try {
    return new Reader(text, parseEvents(text, {})).root()
  } catch (error) {
    if (error instanceof YAMLException) return undefined
    throw error
  }
}

class Reader {
  readonly #text: string
  readonly #events: readonly Event[]
  /** After the event of the document. */
  #next = 1

  constructor(text: string, events: readonly Event[]) {
    this.#text = text
    this.#events = events
  }

  root(): PlacedNode | undefined {
    return this.#node([])
  }

  /** Undefined at the end of a collection or of the document. */
  #node(path: readonly string[]): PlacedNode | undefined {
    const event = this.#events[this.#next++]
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        return { ...none, kind: 'scalar', text: getScalarValue(this.#text, event) }
      case EVENT_ID.SEQUENCE:
        return { ...none, kind: 'sequence', isFlow: isFlow(event), items: this.#items(path) }
      case EVENT_ID.MAPPING:
        return { ...none, kind: 'mapping', ...this.#mapping(isFlow(event), path) }
      case EVENT_ID.ALIAS:
        return { ...none, kind: 'alias' }
      case EVENT_ID.DOCUMENT:
      case EVENT_ID.POP:
      case undefined:
        return undefined
    }
  }

  #items(path: readonly string[]): readonly PlacedNode[] {
    const items: PlacedNode[] = []
    for (;;) {
      const item = this.#node([...path, String(items.length)])
      if (item === undefined) return items
      items.push(item)
    }
  }

  #mapping(isInFlow: boolean, path: readonly string[]): Pick<PlacedNode, 'isFlow' | 'entries'> {
    const entries: PlacedEntry[] = []
    for (;;) {
      const event = this.#events[this.#next]
      const { text: key } = this.#node(path) ?? {}
      if (event?.type === EVENT_ID.POP) return { isFlow: isInFlow, entries }
      const below = [...path, key ?? '']
      const value = this.#node(below)
      if (value === undefined) return { isFlow: isInFlow, entries }
      if (event?.type !== EVENT_ID.SCALAR || key === undefined) continue
      entries.push({ key, path: below, keyStart: event.valueStart, isInFlow, value })
    }
  }
}

function isFlow({ style }: { readonly style: number }): boolean {
  return style === COLLECTION_STYLE.FLOW
}
