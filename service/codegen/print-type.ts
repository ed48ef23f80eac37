import { docComment, propertyKey } from './source-text.ts'
import type { Declaration, PropertyNode, TypeNode } from './type-node.ts'

const columns = 100

/** The declaration as text, with its end of line. */
export function printDeclaration({ name, doc, type }: Declaration): string {
  const comment = docComment(doc)
  const printed = printType(type, '')
  const isList = printed.startsWith('\n')
  const line = isList ? `export type ${name} =${printed}` : `export type ${name} = ${printed}`
  return `${comment}${line}\n`
}

/** The type as text. What does not fit one line goes on in lines with `indent` before them; a list of options begins with a line of its own. */
export function printType(type: TypeNode, indent: string): string {
  switch (type.kind) {
    case 'text':
      return type.text
    case 'name':
      return type.name
    case 'array':
      return `readonly ${inBrackets(type.item, indent)}[]`
    case 'tuple':
      return printTuple(type, indent)
    case 'object':
      return printObject(type, indent)
    case 'union':
      return printOptions(type.parts, { sign: '|', indent })
    case 'intersection':
      return printOptions(type.parts, { sign: '&', indent })
  }
}

function printOptions(
  parts: readonly TypeNode[],
  { sign, indent }: { readonly sign: '|' | '&'; readonly indent: string },
): string {
  const inner = `${indent}  `
  const printed = parts.map((part) =>
    sign === '&' ? inBrackets(part, inner) : operand(part, inner),
  )
  const line = printed.join(` ${sign} `)
  if (!line.includes('\n') && indent.length + line.length <= columns - 20) return line
  return printed.map((part) => `\n${inner}${sign} ${part}`).join('')
}

/** A part of a union. */
function operand(type: TypeNode, indent: string): string {
  return type.kind === 'intersection' ? inBrackets(type, indent) : printType(type, indent)
}

/** Where what stands beside it would bind more closely. */
function inBrackets(type: TypeNode, indent: string): string {
  const printed = printType(type, indent)
  const isAlone = type.kind === 'text' || type.kind === 'name' || type.kind === 'object'
  if (isAlone) return printed
  return printed.startsWith('\n') ? `(${printed}\n${indent})` : `(${printed})`
}

function printTuple(
  { items, required, rest }: Extract<TypeNode, { kind: 'tuple' }>,
  indent: string,
): string {
  const inner = `${indent}  `
  const printed = items.map((item, index) =>
    index < required ? printType(item, inner).trimStart() : `${inBrackets(item, inner)}?`,
  )
  const parts = rest === undefined ? printed : [...printed, `...${inBrackets(rest, inner)}[]`]
  const line = `readonly [${parts.join(', ')}]`
  if (!line.includes('\n') && indent.length + line.length <= columns - 20) return line
  return `readonly [\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}]`
}

function printObject(
  { properties, others }: Extract<TypeNode, { kind: 'object' }>,
  indent: string,
): string {
  const inner = `${indent}  `
  if (properties.length === 0 && others !== undefined) {
    const line = `{ [key: string]: ${printType(others, inner)} }`
    if (!line.includes('\n')) return line
  }
  const lines = properties.map((property) => printProperty(property, inner))
  if (others !== undefined) lines.push(`${inner}[key: string]: ${printType(others, inner)}\n`)
  return `{\n${lines.join('')}${indent}}`
}

function printProperty({ name, type, isRequired, doc }: PropertyNode, indent: string): string {
  const mark = isRequired ? '' : '?'
  const printed = printType(type, indent)
  const gap = printed.startsWith('\n') ? '' : ' '
  return `${docComment(doc, indent)}${indent}${propertyKey(name)}${mark}:${gap}${printed}\n`
}
