import { propertyKey } from './source-text.ts'
import type { TypeNode } from './type-node.ts'

/** In characters: longer objects are easier to read on several lines. */
const longestObject = 60

/**
 * The type on one line of at most `room` characters; undefined if it does not fit, or has comments. Costs no
 * more than the room.
 */
export function typeLine(type: TypeNode, room: number): string | undefined {
  switch (type.kind) {
    case 'text':
      return fitting(type.text, room)
    case 'name':
      return fitting(type.name, room)
    case 'array':
      return enclose([type.isReadonly ? 'readonly ' : '', '[]'], room, (left) =>
        inBrackets(type.item, left),
      )
    case 'tuple':
      return tupleLine(type, room)
    case 'object':
      return objectLine(type, Math.min(room, longestObject))
    case 'union':
      return joinLines(' | ', room, type.parts.map(optionLine))
    case 'intersection':
      return joinLines(
        ' & ',
        room,
        type.parts.map((part) => (left) => inBrackets(part, left)),
      )
  }
}

/** True if the text beside it would bind to a part of it. */
export function needsBrackets({ kind }: TypeNode): boolean {
  return kind !== 'text' && kind !== 'name' && kind !== 'object'
}

type Line = (room: number) => string | undefined

function optionLine(type: TypeNode): Line {
  return (room) => (type.kind === 'intersection' ? inBrackets(type, room) : typeLine(type, room))
}

function inBrackets(type: TypeNode, room: number): string | undefined {
  if (!needsBrackets(type)) return typeLine(type, room)
  return enclose(['(', ')'], room, (left) => typeLine(type, left))
}

function tupleLine(
  { items, required, rest }: Extract<TypeNode, { kind: 'tuple' }>,
  room: number,
): string | undefined {
  const parts = items.map((item, index): Line => {
    if (index < required) return (left) => typeLine(item, left)
    return (left) => enclose(['', '?'], left, (inner) => inBrackets(item, inner))
  })
  if (rest !== undefined)
    parts.push((left) => enclose(['...', '[]'], left, (inner) => inBrackets(rest, inner)))
  return enclose(['readonly [', ']'], room, (left) => joinLines(', ', left, parts))
}

function objectLine(
  { properties, others }: Extract<TypeNode, { kind: 'object' }>,
  room: number,
): string | undefined {
  if (properties.some(({ doc }) => doc !== '')) return undefined
  const parts = properties.map(({ name, isRequired, type }): Line => {
    const start = `${propertyKey(name)}${isRequired ? '' : '?'}: `
    return (left) => enclose([start, ''], left, (inner) => typeLine(type, inner))
  })
  if (others !== undefined)
    parts.push((left) => enclose(['[key: string]: ', ''], left, (inner) => typeLine(others, inner)))
  return enclose(['{ ', ' }'], room, (left) => joinLines('; ', left, parts))
}

function enclose(
  [before, after]: readonly [string, string],
  room: number,
  line: Line,
): string | undefined {
  const left = room - before.length - after.length
  const inner = left < 1 ? undefined : line(left)
  return inner === undefined ? undefined : before + inner + after
}

function joinLines(separator: string, room: number, parts: readonly Line[]): string | undefined {
  let text = ''
  for (const part of parts) {
    const start = text === '' ? '' : text + separator
    const next = part(room - start.length)
    if (next === undefined) return undefined
    text = start + next
  }
  return text
}

function fitting(text: string, room: number): string | undefined {
  return text.length <= room ? text : undefined
}
