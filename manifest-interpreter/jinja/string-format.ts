import { limitLength } from '../value/arithmetic.ts'
import { PythonError, valueError } from '../value/python-error.ts'
import { repr } from '../value/text.ts'
import type { Keywords } from '../value/value.ts'
import type { Budget } from './budget.ts'
import { format } from './format-spec.ts'
import { entryOf, isUndefined, textOfOperand, type Operand } from './operand.ts'

export interface FormatArguments {
  readonly args: readonly Operand[]
  readonly keywords: Keywords
}

/** `'{0} {name.attribute[key]!r:>10}'.format(…)`. Attributes go through the sandbox. */
export function stringFormat(
  template: string,
  formatArguments: FormatArguments,
  budget: Budget,
): string {
  const formatter = new Formatter(formatArguments, budget)
  const text = formatter.format(template, 2)
  limitLength(text.length)
  return text
}

class Formatter {
  readonly #arguments: FormatArguments
  readonly #budget: Budget
  #next = 0

  constructor(formatArguments: FormatArguments, budget: Budget) {
    this.#arguments = formatArguments
    this.#budget = budget
  }

  /** @param levels of fields in fields that may follow */
  format(template: string, levels: number): string {
    if (levels < 0) throw valueError('Max string recursion exceeded')
    let text = ''
    let position = 0
    while (position < template.length) {
      const char = template.charAt(position)
      if (char !== '{' && char !== '}') {
        text += char
        position++
      } else if (template.charAt(position + 1) === char) {
        text += char
        position += 2
      } else if (char === '}') throw valueError("Single '}' encountered in format string")
      else {
        const end = closingBrace(template, position)
        text += this.#field(template.slice(position + 1, end), levels)
        limitLength(text.length)
        this.#budget.charge(1)
        position = end + 1
      }
    }
    return text
  }

  #field(field: string, levels: number): string {
    const match = /^([^!:]*)(?:!(.))?(?::([^]*))?$/u.exec(field)
    if (match === null) throw valueError('expected a conversion or a format specifier')
    const [, name = '', conversion, spec = ''] = match
    const value = this.#lookup(name)
    const options = this.format(spec, levels - 1)
    if (conversion === 'r' || conversion === 'a') return format(repr(entryOf(value)), options)
    if (conversion !== undefined && conversion !== 's') throw valueError('Unknown conversion')
    if (conversion === 's' || (isUndefined(value) && options === '')) {
      return format(textOfOperand(value), options)
    }
    return format(entryOf(value), options)
  }

  #lookup(name: string): Operand {
    const [first = '', ...rest] = name.split(/(?=[.[])/)
    let value = this.#argument(first)
    for (const part of rest) {
      if (part.startsWith('.'))
        value = this.#budget.lookup.attribute(value, part.slice(1), this.#budget)
      else {
        const key = part.replace(/^\[|\]$/g, '')
        const position = /^\d+$/.test(key) ? Number(key) : key
        value = this.#budget.lookup.item(value, position, this.#budget)
      }
    }
    return value
  }

  #argument(name: string): Operand {
    const { args, keywords } = this.#arguments
    if (name === '' || /^\d+$/.test(name)) {
      const position = name === '' ? this.#next++ : Number(name)
      if (position < args.length) return args[position]
      throw new PythonError('IndexError', 'The format has more places than there are arguments.')
    }
    if (keywords?.has(name) !== true) {
      throw new PythonError('KeyError', 'The format names a missing argument.')
    }
    return keywords.get(name)
  }
}

function closingBrace(template: string, open: number): number {
  let depth = 0
  for (let i = open; i < template.length; i++) {
    const char = template.charAt(i)
    if (char === '{') depth++
    if (char === '}' && --depth === 0) return i
  }
  throw valueError("expected '}' before end of string")
}
