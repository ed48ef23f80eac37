/**
 * Indents the lines that continue a quoted scalar or a flow collection (`[...]`, `{...}`). YAML 1.1 as PyYAML
 * reads it lets them begin anywhere; a parser of YAML 1.2 wants them further in than the key. Their meaning
 * does not depend on it. The lines keep their numbers.
 * @param by spaces for each such line
 */
export function indentFlows(text: string, by: number): string {
  const inside = new FlowScan(text).continuations()
  const spaces = ' '.repeat(by)
  return text
    .split('\n')
    .map((line, i) => (inside.has(i) ? spaces + line : line))
    .join('\n')
}

/**
 * Finds the lines that begin inside of a flow. It knows only enough YAML to find where flows begin and end.
 */
class FlowScan {
  readonly #lines: readonly string[]
  readonly #inside = new Set<number>()
  /** Brackets that are open. */
  #depth = 0
  /** The quote that is open. */
  #quote: "'" | '"' | '' = ''

  constructor(text: string) {
    this.#lines = text.split('\n')
  }

  continuations(): ReadonlySet<number> {
    for (let i = 0; i < this.#lines.length; i++) {
      const line = this.#lines[i] ?? ''
      if (this.#isInside()) {
        this.#inside.add(i)
        this.#scan(line, 0)
      } else {
        const ended = this.#scan(line, nodeStart(line))
        if (!this.#isInside() && (ended === 'text' || opensBlockScalar(line))) {
          i = this.#lastLineOfText(i, columnOfKey(line))
        }
      }
    }
    return this.#inside
  }

  #isInside(): boolean {
    return this.#depth > 0 || this.#quote !== ''
  }

  /**
   * Goes through a line, or the rest of one. Says whether a node may begin after it, or its text may go on.
   */
  #scan(line: string, start: number): 'node' | 'text' {
    let position = start
    /** True if a quote or a bracket would begin a node: not in the middle of plain text. */
    let fresh = true
    while (position < line.length) {
      if (this.#quote !== '') {
        position = this.#closeQuote(line, position)
        fresh = false
        continue
      }
      if (isComment(line, position)) break
      const char = line.charAt(position)
      if (fresh && isProperty(char)) position = endOfWord(line, position) - 1
      else this.#open(char, fresh)
      fresh = isFresh(char, { after: line.charAt(position + 1), inFlow: this.#depth > 0, fresh })
      position += 1
    }
    return fresh ? 'node' : 'text'
  }

  #open(char: string, fresh: boolean): void {
    const inFlow = this.#depth > 0
    if (fresh && (char === '"' || char === "'")) this.#quote = char
    else if ((fresh || inFlow) && (char === '[' || char === '{')) this.#depth += 1
    else if (inFlow && (char === ']' || char === '}')) this.#depth -= 1
  }

  /** The offset after the closing quote; the end of the line if it is not on it. */
  #closeQuote(line: string, start: number): number {
    for (let position = start; position < line.length; position++) {
      const char = line.charAt(position)
      if (char === '\\' && this.#quote === '"') position += 1
      else if (char === this.#quote) {
        if (char === "'" && line.charAt(position + 1) === "'") position += 1
        else {
          this.#quote = ''
          return position + 1
        }
      }
    }
    return line.length
  }

  /**
   * The last line of a block scalar, or of text without quotes. Lines that are indented more than its key
   * belong to it, and empty lines.
   */
  #lastLineOfText(first: number, column: number): number {
    let end = first
    while (end + 1 < this.#lines.length) {
      const line = this.#lines[end + 1] ?? ''
      if (line.trim() !== '' && indentation(line) <= column) break
      end += 1
    }
    return end
  }
}

function isComment(line: string, position: number): boolean {
  return line.charAt(position) === '#' && (position === 0 || /\s/.test(line.charAt(position - 1)))
}

/** A tag, an anchor or an alias. */
function isProperty(char: string): boolean {
  return char === '&' || char === '!' || char === '*'
}

/** Whether the next character begins a node. */
function isFresh(
  char: string,
  context: { readonly after: string; readonly inFlow: boolean; readonly fresh: boolean },
): boolean {
  if (context.inFlow) return /[[{,:]/.test(char) || (context.fresh && /\s/.test(char))
  if (char === ':') return context.after === '' || /\s/.test(context.after)
  return context.fresh && /[\s&!*]/.test(char)
}

function endOfWord(line: string, start: number): number {
  const length = line.slice(start).search(/\s/)
  return length < 0 ? line.length : start + length
}

function indentation(line: string): number {
  return line.length - line.trimStart().length
}

/** After the indentation and the "- " and "? " of a line. */
function nodeStart(line: string): number {
  return (/^\s*(?:[-?]\s+)*/.exec(line)?.[0] ?? '').length
}

/**
 * The column from which text that begins on a line is indented: that of its key, its dash, or else the line
 * itself. -1 for a document that is text.
 */
function columnOfKey(line: string): number {
  if (/^-{3}\s/.test(line)) return -1
  const start = nodeStart(line)
  if (/:(?:\s|$)/.test(line.slice(start))) return start
  const dash = line.slice(0, start).search(/[-?]\s+$/)
  return dash < 0 ? start - 1 : dash
}

function opensBlockScalar(line: string): boolean {
  return /(?:^|[-?:]\s+|\s)(?:[&!]\S*\s+)*[|>][-+\d]*\s*(?:\s#.*)?$/.test(line)
}
