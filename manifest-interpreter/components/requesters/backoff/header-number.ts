import type { Builder } from '../../../component.ts'
import { optionalText, parametersOf, text } from '../../../definition.ts'
import type { HttpResponse } from '../../../http/http-response.ts'
import type { BoundedRegex } from '../../../jinja/bounded-regex.ts'
import { compileRegex } from '../../../jinja/python-regex.ts'
import { str } from '../../../value/text.ts'
import type { PlainDict } from '../../../value/value.ts'
import { toNumber } from '../../../value/to-number.ts'

/**
 * The number in the `header` of a response, or in the part of it that `regex` matches at its start; null if
 * there is none.
 */
export function compileHeaderNumber(
  definition: PlainDict,
  { config, templates }: Builder,
): (response: HttpResponse) => number | null {
  const parameters = parametersOf(definition)
  const name = templates.string(text(definition, 'header'), { parameters })
  const pattern = optionalText(definition, 'regex') ?? ''
  const regex = pattern === '' ? undefined : templates.string(pattern, { parameters })
  let compiled: { readonly pattern: string; readonly regex: BoundedRegex } | undefined
  const compile = (pattern: string): BoundedRegex => {
    if (compiled?.pattern !== pattern) compiled = { pattern, regex: compileRegex(pattern) }
    return compiled.regex
  }
  return (response) => {
    const value = response.headers.text(str(name({ config })))
    if (value === undefined || value === '') return null
    const match = regex === undefined ? null : matchAtStart(compile(str(regex({ config }))), value)
    return toNumber(match ?? value)
  }
}

function matchAtStart(regex: BoundedRegex, value: string): string | null {
  const match = regex.on(value, ({ source, flags }) =>
    new RegExp(source, flags.replace('g', 'y')).exec(value),
  )
  return match?.[0] ?? null
}
