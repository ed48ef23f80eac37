import { dictOf } from '../value/dict.ts'
import { isHashable } from '../value/hashable.ts'
import { equals } from '../value/equality.ts'
import { PySet, PyTuple, type Value } from '../value/value.ts'
import { coreTag, coreTags } from './compose.ts'
import type { MappingNode, ScalarNode, SequenceNode, YamlNode, YamlPair } from './compose.ts'
import { scalarValue } from './scalar-value.ts'
import { NodeError } from './yaml-error.ts'

/** Entries that merge keys may add to a document: a small text can ask for billions. */
const maxMergedEntries = 200_000

/** Builds the value of a document. An anchor's value is built once and shared. */
export function construct(root: YamlNode): Value {
  return new Constructor().value(root)
}

class Constructor {
  #merged = 0

  value(node: YamlNode): Value {
    node.built ??= this.#build(node)
    return node.built
  }

  #build(node: YamlNode): Value {
    if (!node.tag.startsWith(coreTag)) throw unknownTag(node)
    const type = node.tag.slice(coreTag.length)
    switch (node.kind) {
      case 'scalar':
        return scalar(node, type)
      case 'sequence':
        return this.#sequence(node, type)
      case 'mapping':
        return this.#mapping(node, type)
    }
  }

  #sequence(node: SequenceNode, type: string): Value {
    if (type === 'seq') return node.items.map((item) => this.value(item))
    if (type === 'omap' || type === 'pairs') return node.items.map((item) => this.#pair(item))
    throw unknownTag(node)
  }

  #pair(node: YamlNode): PyTuple {
    const [pair, ...others] = node.kind === 'mapping' ? node.pairs : []
    if (pair === undefined || others.length > 0) {
      throw new NodeError('Expected a mapping with one entry', node.offset)
    }
    return new PyTuple([this.#key(pair.key), this.value(pair.value)])
  }

  #mapping(node: MappingNode, type: string): Value {
    if (type !== 'map' && type !== 'set') throw unknownTag(node)
    this.#flatten(node)
    const pairs = node.pairs.map(({ key, value }): [Value, Value] => {
      const built = this.#key(key)
      if (!isHashable(built)) {
        throw new NodeError('A list or a mapping cannot be a key', key.offset)
      }
      return [built, this.value(value)]
    })
    return type === 'map' ? dictOf(pairs) : setOf(pairs.map(([key]) => key))
  }

  #key(node: YamlNode): Value {
    return isTagged(node, 'value') ? '=' : this.value(node)
  }

  /**
   * Replaces `<<` entries by the entries that they name, which come first, so that the mapping's own ones win. Of several
   * that are merged the later ones win, but an entry that is reached twice stands where it was reached first.
   */
  #flatten(node: MappingNode): void {
    if (node.flattened) return
    node.flattened = true
    if (!node.pairs.some(({ key }) => isTagged(key, 'merge'))) return
    const own: YamlPair[] = []
    const merged = new Map<unknown, YamlPair>()
    for (const pair of node.pairs) {
      if (!isTagged(pair.key, 'merge')) own.push(pair)
      else for (const source of mergeSources(pair.value)) this.#merge(source, merged)
    }
    if (merged.size > 0) node.pairs = [...merged.values(), ...own]
  }

  #merge(source: MappingNode, merged: Map<unknown, YamlPair>): void {
    this.#flatten(source)
    for (const pair of source.pairs) {
      this.#merged += 1
      if (this.#merged > maxMergedEntries) {
        throw new NodeError('Merge keys ("<<") add too many entries', source.offset)
      }
      const identity = keyIdentity(pair.key)
      if (!merged.has(identity)) merged.set(identity, pair)
    }
  }
}

/**
 * What tells merged entries apart in the reference: the identity of the key's object. Texts of one character (and the
 * empty one) are single objects in Python, so of those the first entry wins.
 */
function keyIdentity(key: YamlNode): unknown {
  return key.kind === 'scalar' && key.text.length < 2 && key.text < '\u0100' ? key.text : key
}

function isTagged(node: YamlNode, type: 'merge' | 'value'): boolean {
  return node.tag === coreTags[type]
}

function mergeSources(node: YamlNode): readonly MappingNode[] {
  const sources = node.kind === 'sequence' ? node.items : [node]
  return sources.map((source) => {
    if (source.kind !== 'mapping') {
      throw new NodeError('Expected a mapping, or a list of mappings, after "<<"', source.offset)
    }
    return source
  })
}

function scalar(node: ScalarNode, type: string): Value {
  try {
    const value = scalarValue(type, node.text)
    if (value !== undefined) return value
  } catch (error) {
    if (error instanceof RangeError) throw new NodeError(error.message, node.offset)
    throw error
  }
  throw unknownTag(node)
}

function unknownTag(node: YamlNode): NodeError {
  const misplaced = isTagged(node, 'merge') || isTagged(node, 'value')
  return new NodeError(
    misplaced && node.kind === 'scalar'
      ? `Put "${node.text}" in quotes: without them it is no value here`
      : `The tag "${node.tag.replace(coreTag, '!!')}" cannot stand on a ${node.kind} here`,
    node.offset,
  )
}

function setOf(keys: readonly Value[]): PySet {
  const distinct: Value[] = []
  for (const key of keys) if (!distinct.some((other) => equals(other, key))) distinct.push(key)
  return new PySet(distinct)
}
