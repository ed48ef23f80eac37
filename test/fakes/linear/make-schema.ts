/**
 * Writes the slice of Linear's schema that the tests use: `node test/fakes/linear/make-schema.ts >
 * test/fakes/linear/schema.graphql`, then prettier. The types of @linear/sdk are made from Linear's schema;
 * what its client and the connector ask for is taken from them, and written as SDL.
 */
import { readdirSync, readFileSync } from 'node:fs'
import {
  Kind,
  OperationTypeNode,
  parse,
  print,
  type DocumentNode,
  type SelectionSetNode,
} from 'graphql'
import ts from 'typescript'
import { usedDocuments } from './used-documents.ts'

const folder = new URL('../../../node_modules/@linear/sdk/', import.meta.url)

type TypeLiteral = ts.TypeLiteralNode
const aliases = new Map<string, ts.TypeNode>()
const enums = new Map<string, ts.EnumDeclaration>()
/** Fields by type, in the order in which they were asked for. */
const used = new Map<string, Set<string>>()
const inputs = new Set<string>()
const scalars = new Set<string>()
const definitions: string[] = []

function readTypes(): void {
  const name = readdirSync(new URL('dist/', folder)).find((file) => /^index-.*\.d\.mts$/.test(file))
  const text = readFileSync(new URL(`dist/${name ?? ''}`, folder), 'utf8')
  const source = ts.createSourceFile('sdk.d.ts', text, ts.ScriptTarget.Latest, true)
  source.forEachChild((node) => {
    if (ts.isTypeAliasDeclaration(node)) aliases.set(node.name.text, node.type)
    if (ts.isEnumDeclaration(node)) enums.set(node.name.text, node)
  })
}

function literalOf(name: string): TypeLiteral | undefined {
  const type = aliases.get(name)
  if (type === undefined) return undefined
  if (ts.isTypeLiteralNode(type)) return type
  return ts.isIntersectionTypeNode(type) ? type.types.find(ts.isTypeLiteralNode) : undefined
}

function propertyOf(type: string, field: string): ts.TypeNode {
  const found = literalOf(type)?.members.find((member) => member.name?.getText() === field)
  if (found !== undefined && ts.isPropertySignature(found) && found.type !== undefined)
    return found.type
  throw new Error(`Linear has no field ${type}.${field}`)
}

/** The SDL of a type, and the name in it. */
function sdl(node: ts.TypeNode): { readonly text: string; readonly name: string } {
  if (ts.isTypeReferenceNode(node)) {
    const name = node.typeName.getText()
    const [argument] = node.typeArguments ?? []
    if ((name === 'Maybe' || name === 'InputMaybe') && argument !== undefined) {
      const inner = sdl(argument)
      return { text: inner.text.replace(/!$/, ''), name: inner.name }
    }
    if (name === 'Array' && argument !== undefined) {
      const inner = sdl(argument)
      return { text: `[${inner.text}]!`, name: inner.name }
    }
    return { text: `${name}!`, name }
  }
  if (ts.isIndexedAccessTypeNode(node)) {
    const name = node.indexType.getText().slice(1, -1)
    if (!['String', 'Int', 'Float', 'Boolean', 'ID'].includes(name)) scalars.add(name)
    return { text: `${name}!`, name }
  }
  throw new Error(`no type of GraphQL: ${node.getText()}`)
}

function visit(selections: SelectionSetNode, type: string, document: DocumentNode): void {
  const fields = used.get(type) ?? new Set<string>()
  used.set(type, fields)
  for (const selection of selections.selections) {
    if (selection.kind === Kind.FIELD) {
      const name = selection.name.value
      if (name === '__typename') continue
      fields.add(name)
      const owner = sdl(propertyOf(type, name)).name
      if (selection.selectionSet !== undefined) visit(selection.selectionSet, owner, document)
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      visit(selection.selectionSet, selection.typeCondition?.name.value ?? type, document)
    } else {
      const fragment = document.definitions.find(
        (found) =>
          found.kind === Kind.FRAGMENT_DEFINITION && found.name.value === selection.name.value,
      )
      if (fragment?.kind === Kind.FRAGMENT_DEFINITION)
        visit(fragment.selectionSet, fragment.typeCondition.name.value, document)
    }
  }
}

function writeArguments(type: string, field: string): string {
  const name = `${type}${field.charAt(0).toUpperCase()}${field.slice(1)}Args`
  const members = literalOf(name)?.members ?? []
  const texts = members.map((member) => writeInputField(member))
  return texts.length === 0 ? '' : `(${texts.join(', ')})`
}

function writeInputField(member: ts.TypeElement): string {
  if (!ts.isPropertySignature(member) || member.type === undefined) throw new Error('no field')
  const { text, name } = sdl(member.type)
  inputs.add(name)
  return `${member.name.getText()}: ${text}`
}

/** Filters lead to the whole schema: those that nobody here uses are left out. */
const filterFields = new Set([
  ...['and', 'or', 'id', 'createdAt', 'updatedAt', 'archivedAt'],
  ...['team', 'name', 'key', 'email', 'issue', 'project'],
])

function writeInput(name: string): void {
  const members = literalOf(name)?.members
  if (members === undefined) return
  const isFilter = /(?:Filter|SortInput)$/.test(name)
  const known = members.filter((member) => filterFields.has(member.name?.getText() ?? ''))
  const kept = isFilter ? known : members
  // An input without a field is no GraphQL.
  const fields = kept.length === 0 ? members.slice(0, 1) : kept
  definitions.push(`input ${name} { ${fields.map(writeInputField).join('\n')} }`)
}

function writeOutput(name: string, fields: ReadonlySet<string>): void {
  const type = aliases.get(name)
  if (type !== undefined && ts.isUnionTypeNode(type)) {
    definitions.push(`union ${name} = ${type.types.map((part) => part.getText()).join(' | ')}`)
    return
  }
  const texts = [...fields].map((field) => {
    const { text, name: result } = sdl(propertyOf(name, field))
    if (enums.has(result)) inputs.add(result)
    return `${field}${writeArguments(name, field)}: ${text}`
  })
  definitions.push(`type ${name} { ${texts.join('\n')} }`)
}

function writeEnum(name: string): void {
  const values = enums
    .get(name)
    ?.members.map(({ initializer }) => initializer?.getText().slice(1, -1))
  if (values !== undefined) definitions.push(`enum ${name} { ${values.join(' ')} }`)
}

readTypes()
for (const text of await usedDocuments()) {
  const document = parse(text)
  for (const definition of document.definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION)
      visit(
        definition.selectionSet,
        definition.operation === OperationTypeNode.MUTATION ? 'Mutation' : 'Query',
        document,
      )
}
for (const [name, fields] of used) writeOutput(name, fields)
// Grows while it is read.
for (const name of inputs) {
  writeInput(name)
  writeEnum(name)
}
for (const name of scalars) definitions.push(`scalar ${name}`)
const { version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
  readonly version: string
}
process.stdout.write(
  `# Made from the types of @linear/sdk ${version} (MIT, Copyright Linear) by test/fakes/linear/make-schema.ts: only what is used here.\n${print(parse(definitions.join('\n')))}\n`,
)
