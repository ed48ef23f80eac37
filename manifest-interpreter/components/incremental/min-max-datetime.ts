import type { Builder } from '../../component.ts'
import { datetimeFormat } from '../../datetime/datetime-parser.ts'
import { compareDateTimes, type PyDateTime } from '../../datetime/py-datetime.ts'
import { field, optionalText, parametersOf } from '../../definition.ts'
import { isPlainDict } from '../../value/dict.ts'
import { str } from '../../value/text.ts'
import type { Dict, Value } from '../../value/value.ts'

/** MinMaxDatetime, or the text of a time: evaluated anew at each call, since it may be the present. */
export function compileMinMaxDatetime(
  definition: Value,
  builder: Builder,
  inherited: { readonly format: string; readonly parameters: Dict },
): () => PyDateTime {
  if (!isPlainDict(definition)) return compileBounded({ datetime: definition }, builder, inherited)
  const parts = {
    datetime: field(definition, 'datetime') ?? null,
    min: field(definition, 'min_datetime'),
    max: field(definition, 'max_datetime'),
  }
  const format = optionalText(definition, 'datetime_format') ?? ''
  return compileBounded(parts, builder, {
    format: format === '' ? inherited.format : format,
    parameters: parametersOf(definition),
  })
}

function compileBounded(
  parts: {
    readonly datetime: Value
    readonly min?: Value | undefined
    readonly max?: Value | undefined
  },
  builder: Builder,
  { format: pattern, parameters }: { readonly format: string; readonly parameters: Dict },
): () => PyDateTime {
  const format = datetimeFormat(pattern)
  const compile = (template: Value | undefined): (() => string) | undefined => {
    if (template === undefined || template === null || template === '') return undefined
    const compiled = builder.templates.string(template, { parameters })
    return () => str(compiled({ config: builder.config }))
  }
  const bound = (text: string | undefined): PyDateTime | undefined =>
    text === undefined || text === '' ? undefined : format.parse(text)
  const datetime = compile(parts.datetime) ?? (() => '')
  const minimum = compile(parts.min)
  const maximum = compile(parts.max)
  return () => {
    let time = format.parse(datetime())
    const least = bound(minimum?.())
    if (least !== undefined && compareDateTimes(least, time) > 0) time = least
    const most = bound(maximum?.())
    if (most !== undefined && compareDateTimes(most, time) < 0) time = most
    return time
  }
}
