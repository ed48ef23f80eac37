import { YAMLException, parseEvents } from 'js-yaml'
import type { Value } from '../value/value.ts'
import { compose } from './compose.ts'
import { construct } from './construct.ts'
import { NodeError, YamlError } from './yaml-error.ts'

/** Nested collections. The reference stops near 330, where Python's stack ends. */
const maxDepth = 250

/**
 * Reads a document of YAML as PyYAML's safe loader does: types of YAML 1.1, the last of equal keys, merge keys. An alias
 * and its anchor are the same object: callers must not change what they get. Null for an empty text.
 * @throws {YamlError} with line and column
 */
export function loadYaml(text: string): Value {
  try {
    const root = compose(text, parseEvents(text, { maxDepth }))
    return root === null ? null : construct(root)
  } catch (error) {
    if (error instanceof NodeError) {
      throw new YamlError(error.message, positionOf(text, error.offset))
    }
    if (error instanceof YAMLException) {
      const { line = 0, column = 0 } = error.mark ?? {}
      throw new YamlError(capitalised(error.reason), { line: line + 1, column: column + 1 })
    }
    throw error
  }
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/)
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
