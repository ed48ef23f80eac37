import { PythonError, valueError } from '../value/python-error.ts'
import { PyTimeDelta } from '../value/py-datetime.ts'

const number = '[0-9]+(?:[,.][0-9]+)?'
const shape = new RegExp(
  `^(?<sign>[+-])?P(?!\\b)(?:(?<years>${number})Y)?(?:(?<months>${number})M)?(?:(?<weeks>${number})W)?(?:(?<days>${number})D)?` +
    `(?:T(?:(?<hours>${number})H)?(?:(?<minutes>${number})M)?(?:(?<seconds>${number})S)?)?\\n?$`,
)
/** `P0001-02-03T04:05:06`: years, months and days in the layout of a date. */
const dateShape =
  /^P(?<years>\d{4})-?(?<months>\d{2})-?(?<days>\d{2})T(?<hours>\d{2}):?(?<minutes>\d{2}):?(?<seconds>\d{2}(?:[.,]\d+)?)$/

/** isodate.parse_duration: an ISO 8601 duration. Throws a ValueError. */
export function parseIsoDuration(text: string): PyTimeDelta {
  const parts = (shape.exec(text) ?? dateShape.exec(text))?.groups
  if (parts === undefined) throw valueError('The text is not an ISO 8601 duration.')
  const part = (name: string): number => Number((parts[name] ?? '0').replace(',', '.'))
  const micros = [
    part('weeks') * 7 * 86_400,
    part('days') * 86_400,
    part('hours') * 3600,
    part('minutes') * 60,
    part('seconds'),
  ].reduce((sum, seconds) => sum + PyTimeDelta.ofSeconds(seconds).micros, 0n)
  const length = new PyTimeDelta(micros, { years: part('years'), months: part('months') })
  return parts.sign === '-' ? length.negated() : length
}

/**
 * The duration of a field of the manifest. Throws a ValueError that names the place.
 * @param place like "step of stream orders"
 * @param template as the manifest has it: `text` may hold a value of the configuration, which is never shown
 */
export function durationAt(place: string, text: string, template: string = text): PyTimeDelta {
  try {
    return parseIsoDuration(text)
  } catch (error) {
    if (!(error instanceof PythonError)) throw error
    throw valueError(`The ${place} cannot be read. ${notADuration(template)}`)
  }
}

export function notADuration(text: string): string {
  const subject = /\{[{%]/.test(text) ? `The value of ${text}` : `"${text}"`
  return `${subject} is not an ISO 8601 duration. Write it like P1D (a day) or PT2H (two hours).`
}
