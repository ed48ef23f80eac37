import { docComment, propertyKey } from './source-text.ts'
import { needsBrackets, typeLine } from './type-line.ts'
import type { Declaration, PropertyNode, TypeNode } from './type-node.ts'

/** How long a type may be on one line, beside its name. */
const longestLine = 80

/** The declaration as text, with its end of line. */
export function printDeclaration({ name, doc, type }: Declaration): string {
  const isRecord = type.kind === 'object' && type.properties.length > 0
  const printed = isRecord ? printObject(type, '') : printType(type, '')
  return `${docComment(doc)}export type ${name} =${afterSign(printed)}\n`
}

/**
 * The type as text. What does not fit on one line continues on lines with `indent` before them; a list of
 * options, which has lines of its own, begins with a line end.
 */
function printType(type: TypeNode, indent: string): string {
  const line = typeLine(type, longestLine - indent.length)
  if (line !== undefined) return line
  switch (type.kind) {
    case 'text':
      return type.text
    case 'name':
      return type.name
    case 'array':
      return `${type.isReadonly ? 'readonly ' : ''}${inBrackets(type.item, indent)}[]`
    case 'tuple':
      return printTuple(type, indent)
    case 'object':
      return printObject(type, indent)
    case 'union':
      return printUnion(type.parts, indent)
    case 'intersection':
      return printOptions(type.parts, { sign: '&', indent })
  }
}

function afterSign(printed: string): string {
  return printed.startsWith('\n') ? printed : ` ${printed}`
}

function printUnion(parts: readonly TypeNode[], indent: string): string {
  const [first, second, ...others] = parts
  // One object or null: printed as if it were the object alone.
  if (first?.kind === 'object' && second?.kind === 'text' && others.length === 0)
    return `${printObject(first, indent)} | ${second.text}`
  return printOptions(parts, { sign: '|', indent })
}

function printOptions(
  parts: readonly TypeNode[],
  { sign, indent }: { readonly sign: '|' | '&'; readonly indent: string },
): string {
  const inner = `${indent}    `
  return parts
    .map((part) => {
      const isBare = sign === '|' && part.kind !== 'intersection'
      const printed = isBare ? printType(part, inner).trimStart() : inBrackets(part, inner)
      return `\n${indent}  ${sign} ${printed}`
    })
    .join('')
}

function inBrackets(type: TypeNode, indent: string): string {
  const printed = printType(type, indent)
  if (!needsBrackets(type)) return printed
  return printed.startsWith('\n') ? `(${printed}\n${indent})` : `(${printed})`
}

function printTuple(
  { items, required, rest }: Extract<TypeNode, { kind: 'tuple' }>,
  indent: string,
): string {
  const inner = `${indent}  `
  const parts = items.map((item, index) =>
    index < required ? printType(item, inner).trimStart() : `${inBrackets(item, inner)}?`,
  )
  if (rest !== undefined) parts.push(`...${inBrackets(rest, inner)}[]`)
  return `readonly [\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}]`
}

function printObject(
  { properties, others }: Extract<TypeNode, { kind: 'object' }>,
  indent: string,
): string {
  const inner = `${indent}  `
  const lines = properties.map((property) => printProperty(property, inner))
  if (others !== undefined)
    lines.push(`${inner}[key: string]:${afterSign(printType(others, inner))}\n`)
  return `{\n${lines.join('')}${indent}}`
}

function printProperty({ name, type, isRequired, doc }: PropertyNode, indent: string): string {
  const mark = isRequired ? '' : '?'
  const printed = afterSign(printType(type, indent))
  return `${docComment(doc, indent)}${indent}${propertyKey(name)}${mark}:${printed}\n`
}
