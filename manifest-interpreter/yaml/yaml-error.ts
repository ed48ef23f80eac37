/**
 * A text that is not the YAML it should be. Lines and columns count from 1. The message never quotes values.
 */
export class YamlError extends Error {
  readonly reason: string
  readonly line: number
  readonly column: number

  constructor(reason: string, position: { readonly line: number; readonly column: number }) {
    super(`${reason} (line ${position.line}, column ${position.column})`)
    this.name = 'YamlError'
    this.reason = reason
    this.line = position.line
    this.column = position.column
  }
}

/** An error in a node: the loader adds the node's place. */
export class NodeError extends Error {
  /** Offset in the text. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.name = 'NodeError'
    this.offset = offset
  }
}
