import { isBlock, type Body, type CallNode, type Expression } from './nodes.ts'
import { bodiesOf, expressionsOf, partsOf } from './walk.ts'

/**
 * The keys of a variable that a template looks at: `a` of `x.a`, `x['a']` and `x.get('a')`. Undefined if it
 * may look at others.
 */
export function keysRead(body: Body, variable: string): ReadonlySet<string> | undefined {
  const keys = new Set<string>()
  return areKeysRead(body, variable, keys) ? keys : undefined
}

function areKeysRead(body: Body, variable: string, keys: Set<string>): boolean {
  const look = (node: Expression): boolean => {
    const key = keyOf(node, variable)
    if (key === undefined) return !isVariable(node, variable) && partsOf(node).every(look)
    keys.add(key)
    return true
  }
  return body.every(
    (statement) =>
      expressionsOf(statement).every(look) &&
      (!isBlock(statement) ||
        bodiesOf(statement).every((inner) => areKeysRead(inner, variable, keys))),
  )
}

function keyOf(node: Expression, variable: string): string | undefined {
  if (node.type === 'getattr')
    return isVariable(node.object, variable) && !methods.has(node.name) ? node.name : undefined
  if (node.type === 'getitem')
    return isVariable(node.object, variable) ? textOf(node.key) : undefined
  if (node.type !== 'call') return undefined
  return isVariable(objectOfGet(node), variable) ? textOf(onlyArgument(node)) : undefined
}

/** The methods of dicts: their results may hold everything. */
const methods = new Set(
  'clear copy fromkeys get items keys pop popitem setdefault update values'.split(' '),
)

function objectOfGet({ callee }: CallNode): Expression | undefined {
  return callee.type === 'getattr' && callee.name === 'get' ? callee.object : undefined
}

function onlyArgument({ args }: CallNode): Expression | undefined {
  const { positional, keywords, rest, restKeywords } = args
  const isAlone = positional.length === 1 && keywords.length === 0
  return isAlone && rest === undefined && restKeywords === undefined ? positional[0] : undefined
}

function textOf(node: Expression | undefined): string | undefined {
  return node?.type === 'const' && typeof node.value === 'string' ? node.value : undefined
}

function isVariable(node: Expression | undefined, variable: string): boolean {
  return node?.type === 'name' && node.name === variable
}
