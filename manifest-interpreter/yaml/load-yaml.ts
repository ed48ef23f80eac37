import { YAMLException, parseEvents } from 'js-yaml'
import type { Value } from '../value/value.ts'
import { limitAliases } from './alias-limit.ts'
import { construct } from './construct.ts'
import { indentFlows } from './indent-flows.ts'
import { NodeError, YamlError } from './yaml-error.ts'

/** Nested collections. The reference stops near 330, where Python's stack ends. */
const maxDepth = 250
/** More than any key is indented. */
const flowIndentation = 2 * maxDepth

/**
 * Reads a document of YAML as PyYAML's safe loader does: types of YAML 1.1, the last of equal keys, merge
 * keys. An alias and its anchor are the same object: callers must not change what they get. Null for an empty
 * text.
 * @throws {YamlError} with line and column
 */
export function loadYaml(text: string): Value {
  try {
    return read(text)
  } catch (error) {
    if (!isTooFarLeft(error)) throw yamlError(text, error)
    return readIndented(text, error)
  }
}

function read(text: string): Value {
  const events = parseEvents(text, { maxDepth })
  limitAliases(text, events)
  return construct(text, events)
}

/** A continuation of a flow is too far to the left for the parser: PyYAML does not mind. */
function isTooFarLeft(error: unknown): error is YAMLException {
  return error instanceof YAMLException && error.reason === 'deficient indentation'
}

function readIndented(text: string, first: YAMLException): Value {
  try {
    return read(indentFlows(text, flowIndentation))
  } catch (error) {
    // Its columns are not those of the text: the first error says where it began.
    if (error instanceof NodeError || error instanceof YAMLException) {
      throw yamlError(text, first)
    }
    throw error
  }
}

function yamlError(text: string, error: unknown): unknown {
  if (error instanceof NodeError)
    return new YamlError(error.message, positionOf(text, error.offset))
  if (!(error instanceof YAMLException)) return error
  const { line = 0, column = 0 } = error.mark ?? {}
  return new YamlError(capitalised(error.reason), { line: line + 1, column: column + 1 })
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/)
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
