import type { JsonObject, JsonValue } from '../../../protocol/index.ts'

interface Node {
  [key: string]: Node | string
}

/** Fields as Stripe reads them from a form or a query: `a[b]=c` and `a[]=c` or `a[0]=c`. */
export function parseForm(text: string): JsonObject {
  const root: Node = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const keys = name.replaceAll(']', '').split('[')
    let node = root
    for (const [index, key] of keys.entries()) {
      const place = key === '' ? String(Object.keys(node).length) : key
      if (index === keys.length - 1) node[place] = value
      else node = child(node, place)
    }
  }
  const fields = toJson(root)
  return typeof fields === 'object' && fields !== null && !Array.isArray(fields)
    ? (fields as JsonObject)
    : {}
}

function child(node: Node, key: string): Node {
  const known = node[key]
  if (typeof known === 'object') return known
  const made: Node = {}
  node[key] = made
  return made
}

/** A node that has only numbers for keys is a list. */
function toJson(node: Node | string): JsonValue {
  if (typeof node === 'string') return node
  const keys = Object.keys(node)
  const isList = keys.length > 0 && keys.every((key, index) => key === String(index))
  if (isList) return keys.map((key) => toJson(node[key] ?? ''))
  return Object.fromEntries(keys.map((key) => [key, toJson(node[key] ?? '')]))
}
