import { expressionTokens, type ExpressionToken } from '../../../protocol/index.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'

export interface Names {
  /** The names of columns at the destination, by those at the source. */
  readonly columns: ReadonlyMap<string, string>
  /** Types of the destination as SQL, by the names that enums and types of extensions have at the source. */
  readonly types: ReadonlyMap<string, string>
}

export type Translated =
  | {
      readonly sql: string
      /** The functions that it calls: all of the catalog. */
      readonly functions: readonly string[]
    }
  | { readonly problem: string }

/** Words of the grammar that stand before a bracket, and types with a length. Their text is no function. */
const words = new Set([
  ...[
    'and',
    'or',
    'not',
    'in',
    'any',
    'all',
    'some',
    'is',
    'case',
    'when',
    'then',
    'else',
    'array',
    'row',
  ],
  ...[
    'coalesce',
    'nullif',
    'greatest',
    'least',
    'extract',
    'overlay',
    'position',
    'substring',
    'trim',
  ],
  ...[
    'like',
    'ilike',
    'similar',
    'to',
    'from',
    'for',
    'between',
    'distinct',
    'collate',
    'at',
    'zone',
  ],
  ...[
    'numeric',
    'varying',
    'character',
    'bit',
    'timestamp',
    'time',
    'interval',
    'bpchar',
    'varchar',
  ],
  ...['normalize', 'values', 'both', 'leading', 'trailing', 'cast', 'as', 'escape', 'second'],
])

/** The expression with the destination's names. It is one expression still, whatever the names are. */
export function translateExpression(text: string, names: Names): Translated {
  const tokens = expressionTokens(text)
  if (tokens === undefined) return { problem: 'it is not one expression' }
  const translation = { sql: '', functions: new Set<string>() }
  let rest = tokens
  let before: ExpressionToken | undefined
  for (let token = rest[0]; token !== undefined; token = rest[0]) {
    const [, after, last] = rest
    const isQualified = isName(token) && after?.text === '.'
    const text = isQualified
      ? typeName(before, last, names)
      : plainText(token, { before, after, names })
    if (text === undefined)
      return {
        problem: `it names ${token.text}.${last?.text ?? ''}, which is not a part of PostgreSQL`,
      }
    if (isCall(token, after)) translation.functions.add(nameOf(token))
    translation.sql += token.gap + text
    before = token
    rest = rest.slice(isQualified ? 3 : 1)
  }
  return { sql: translation.sql, functions: [...translation.functions] }
}

/** A type that the destination has under another name. Everything else with a schema is somebody's own. */
function typeName(
  before: ExpressionToken | undefined,
  name: ExpressionToken | undefined,
  { types }: Names,
): string | undefined {
  return before?.text === '::' && name !== undefined ? types.get(nameOf(name)) : undefined
}

function isCall(token: ExpressionToken, after: ExpressionToken | undefined): boolean {
  return isName(token) && after?.text === '(' && !isWord(token)
}

interface Neighbours {
  readonly before: ExpressionToken | undefined
  readonly after: ExpressionToken | undefined
  readonly names: Names
}

function plainText(token: ExpressionToken, { before, after, names }: Neighbours): string {
  return isColumn(token, before, after) ? renamed(token, names) : token.text
}

function isName({ kind }: ExpressionToken): boolean {
  return kind === 'name' || kind === 'quoted name'
}

function isWord({ kind, text }: ExpressionToken): boolean {
  return kind === 'name' && words.has(text.toLowerCase())
}

function isColumn(
  token: ExpressionToken,
  before: ExpressionToken | undefined,
  after: ExpressionToken | undefined,
): boolean {
  return isName(token) && before?.text !== '::' && after?.text !== '('
}

function nameOf({ kind, text }: ExpressionToken): string {
  return kind === 'quoted name' ? text.slice(1, -1).replaceAll('""', '"') : text
}

function renamed(token: ExpressionToken, { columns }: Names): string {
  const name = columns.get(nameOf(token))
  return name === undefined || name === nameOf(token) ? token.text : quoteIdentifier(name)
}
