import type { Builder } from '../../component.ts'
import { datetimeFormat } from '../../datetime/datetime-parser.ts'
import { isValueError } from '../../datetime/datetime-error.ts'
import { compareDateTimes, type PyDateTime } from '../../value/py-datetime.ts'
import { field, optionalText, parametersOf } from '../../definition.ts'
import { isPlainDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { Dict, Value } from '../../value/value.ts'

interface BoundContext {
  /** The stream and the field that it is of, for errors. */
  readonly streamName: string
  readonly name: string
  readonly format: string
  readonly parameters: Dict
}

/** MinMaxDatetime, or the text of a time: evaluated again at each call, since it may be the present. */
export function compileMinMaxDatetime(
  definition: Value,
  builder: Builder,
  inherited: BoundContext,
): () => PyDateTime {
  if (!isPlainDict(definition)) return compileBounded({ datetime: definition }, builder, inherited)
  const parts = {
    datetime: field(definition, 'datetime') ?? null,
    min: field(definition, 'min_datetime'),
    max: field(definition, 'max_datetime'),
  }
  const format = optionalText(definition, 'datetime_format') ?? ''
  return compileBounded(parts, builder, {
    ...inherited,
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
  { streamName, name, format: pattern, parameters }: BoundContext,
): () => PyDateTime {
  const format = datetimeFormat(pattern)
  const compile = (template: Value | undefined, place: string) => {
    if (template === undefined || template === null || template === '') return undefined
    const compiled = builder.templates.string(template, { parameters })
    const shown = shownTime(str(template))
    return (empty: 'wrong' | 'absent'): PyDateTime | undefined => {
      const text = str(compiled({ config: builder.config }))
      if (text === '' && empty === 'absent') return undefined
      try {
        return format.parse(text)
      } catch (error) {
        if (!isValueError(error)) throw error
        throw valueError(
          `${place} ${shown} of stream ${streamName} cannot be read. ${error.message}`,
        )
      }
    }
  }
  const datetime = compile(parts.datetime, name)
  const minimum = compile(parts.min, `${name}.min_datetime`)
  const maximum = compile(parts.max, `${name}.max_datetime`)
  return () => {
    let time = datetime?.('wrong') ?? format.parse('')
    const least = minimum?.('absent')
    if (least !== undefined && compareDateTimes(least, time) > 0) time = least
    const most = maximum?.('absent')
    if (most !== undefined && compareDateTimes(most, time) < 0) time = most
    return time
  }
}

/**
 * The text of the manifest, for an error. A template is shown without the value of the configuration that it
 * yields.
 */
function shownTime(template: string): string {
  return /\{[{%]/.test(template) ? `(${template})` : `"${template}"`
}
