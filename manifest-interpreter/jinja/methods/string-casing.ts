import { methods, type Methods } from './method.ts'

/** Upper and lower case, as Python has them. */

export function capitalize(text: string): string {
  const [first = ''] = text
  return titleCase(first) + text.slice(first.length).toLowerCase()
}

/** The first letter of each run of letters is in title case, the others are lower. */
export function title(text: string): string {
  let isInside = false
  let result = ''
  for (const char of text) {
    const isCased = isCasedLetter(char)
    if (isCased) result += isInside ? char.toLowerCase() : titleCase(char)
    else result += char
    isInside = isCased
  }
  return result
}

/** Letters that are two in one have a case for titles. */
const titleCases: Readonly<Record<string, string>> = {
  ǆ: 'ǅ',
  Ǆ: 'ǅ',
  ǅ: 'ǅ',
  ǉ: 'ǈ',
  Ǉ: 'ǈ',
  ǈ: 'ǈ',
  ǌ: 'ǋ',
  Ǌ: 'ǋ',
  ǋ: 'ǋ',
  ǳ: 'ǲ',
  Ǳ: 'ǲ',
  ǲ: 'ǲ',
}

/** The upper case of `ß` is `SS`, its title case `Ss`. */
function titleCase(char: string): string {
  const special = titleCases[char]
  if (special !== undefined) return special
  const upper = char.toUpperCase()
  const [first = '', ...rest] = upper
  return first + rest.join('').toLowerCase()
}

function isCasedLetter(char: string): boolean {
  return /[\p{Lu}\p{Ll}\p{Lt}\p{Lowercase}\p{Uppercase}]/u.test(char)
}

function swapCase(text: string): string {
  let result = ''
  for (const char of text) {
    if (/\p{Lu}/u.test(char)) result += char.toLowerCase()
    else result += /\p{Ll}/u.test(char) ? char.toUpperCase() : char
  }
  return result
}

export const casing: Methods<string> = methods<string>({
  upper: { run: (_args, { self }) => self.toUpperCase() },
  lower: { run: (_args, { self }) => self.toLowerCase() },
  casefold: { run: (_args, { self }) => self.toLowerCase().replaceAll('ß', 'ss') },
  capitalize: { run: (_args, { self }) => capitalize(self) },
  title: { run: (_args, { self }) => title(self) },
  swapcase: { run: (_args, { self }) => swapCase(self) },
})
