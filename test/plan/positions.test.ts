import fc from 'fast-check'
import { dump } from 'js-yaml'
import { stringify } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { parseToml } from '../../plan/run-file/parse-toml.ts'
import { parseYaml } from '../../plan/run-file/parse-yaml.ts'
import type { FieldPath, SourceDocument } from '../../plan/run-file/source-position.ts'

const yaml = `# a comment
connection: shop
source:
  type: postgres
  config: { host: localhost, password: \${SECRET:-a b}, ports: [1, 22] }
streams:
  - customers
  - name: orders
    "cursor_field": updated_at
    primary_key:
      - id
empty:
text: |
  several
  lines
anchor: &a { q: 1 }
alias: *a
`

const toml = `# a comment
connection = "shop"
log = { kafka = { brokers = ["a:1", "b:2"] } }
source.type = "postgres"
[source.config]
host = "x # no comment"
"quoted" = '''
several [lines] = 1
'''

[[streams]]
name = "customers"
[[streams]]
name = "orders"
primary_key = [
  "id", # the key
  "line",
]
  [streams.extra]
  deep = true
`

function place({ positions }: SourceDocument, path: FieldPath): string {
  const { line, column } = positions.ofValue(path)
  return `${String(line)}:${String(column)}`
}

describe('positions of a YAML file', () => {
  const document = parseYaml(yaml, 'shop.yaml')

  test.each<[FieldPath, string]>([
    [['connection'], '2:13'],
    [['source', 'type'], '4:9'],
    [['source', 'config', 'password'], '5:40'],
    [['source', 'config', 'ports', 1], '5:67'],
    [['streams', 0], '7:5'],
    [['streams', 1], '8:5'],
    [['streams', 1, 'cursor_field'], '9:21'],
    [['streams', 1, 'primary_key', 0], '11:9'],
    [['alias'], '17:9'],
  ])('the value of %j is at %s', (path, expected) => {
    expect(place(document, path)).toBe(expected)
  })

  test('a missing field is looked for at the field around it', () => {
    expect(place(document, ['source', 'config', 'database'])).toBe('5:3')
    expect(place(document, ['streams', 1, 'sync_mode'])).toBe('8:5')
  })

  test('a key has a position of its own', () => {
    expect(document.positions.ofKey(['source', 'config', 'password'])).toEqual({
      line: 5,
      column: 30,
    })
  })

  test('a reference to the environment needs no quotes, also inside braces', () => {
    expect(document.value).toMatchObject({
      source: { config: { password: '${SECRET:-a b}', ports: [1, 22] } },
    })
  })

  test('lines are counted the same with CRLF', () => {
    expect(place(parseYaml(yaml.replaceAll('\n', '\r\n'), 'shop.yaml'), ['alias'])).toBe('17:9')
  })
})

describe('positions of a TOML file', () => {
  const document = parseToml(toml, 'shop.toml')

  test.each<[FieldPath, string]>([
    [['connection'], '2:14'],
    [['log', 'kafka', 'brokers', 1], '3:37'],
    [['source', 'type'], '4:15'],
    [['source', 'config', 'host'], '6:8'],
    [['source', 'config', 'quoted'], '7:12'],
    [['streams', 0], '11:1'],
    [['streams', 1, 'name'], '14:8'],
    [['streams', 1, 'primary_key', 1], '17:3'],
    [['streams', 1, 'extra', 'deep'], '20:10'],
  ])('the value of %j is at %s', (path, expected) => {
    expect(place(document, path)).toBe(expected)
  })

  test('a missing field is looked for at the table around it', () => {
    expect(place(document, ['source', 'config', 'database'])).toBe('5:2')
    expect(place(document, ['streams', 1, 'sync_mode'])).toBe('13:1')
  })
})

type Tree = string | number | boolean | readonly Tree[] | { readonly [key: string]: Tree }

const key = fc.string({ minLength: 1, maxLength: 6 }).filter((text) => text !== '__proto__')
const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean())
const trees: fc.Arbitrary<Record<string, Tree>> = fc.letrec<{
  tree: Tree
  table: Record<string, Tree>
}>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.array(tie('table'), { maxLength: 3 }),
    tie('table'),
  ),
  table: fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
})).table

function leaves(value: Tree, path: FieldPath = []): [FieldPath, string][] {
  if (typeof value !== 'object') return [[path, String(value)]]
  return Object.entries(value).flatMap(([name, item]) =>
    leaves(item, [...path, Array.isArray(value) ? Number(name) : name]),
  )
}

/** Plain numbers and booleans are written as they are: they must stand where the index says. */
function expectEveryLeafFound(document: SourceDocument, text: string, tree: Tree): void {
  const lines = text.split('\n')
  for (const [path, written] of leaves(tree)) {
    if (!/^(?:\d+|true|false)$/.test(written)) continue
    if (
      path.some((part) => typeof part === 'string' && /[\\"\u0000-\u001f\u007f-\uffff]/.test(part))
    )
      continue
    const { line, column } = document.positions.ofValue(path)
    expect(
      lines[line - 1]
        ?.slice(column - 1)
        .replace(/^["']/, '')
        .startsWith(written),
      JSON.stringify(path),
    ).toBe(true)
  }
}

test('every value of any document is found where it stands', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const toml = stringify(tree)
      expectEveryLeafFound(parseToml(toml, 'a.toml'), toml, tree)
      const yaml = dump(tree, { lineWidth: -1 })
      expectEveryLeafFound(parseYaml(yaml, 'a.yaml'), yaml, tree)
    }),
    { numRuns: 500 },
  )
})
