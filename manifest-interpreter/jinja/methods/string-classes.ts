import { methods, type Method, type Methods } from './method.ts'

/** isdigit and the like: whether a text has characters, and all are of a kind. */

function all(pattern: RegExp): Method<string> {
  return { run: (_args, { self }) => self !== '' && pattern.test(self) }
}

/** True if there are letters with case, and all are in the given one. */
export function isAllLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text)
}

export function isAllUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text)
}

function isTitle(text: string): boolean {
  let isInside = false
  let hasCased = false
  for (const char of text) {
    const isUpper = /[\p{Uppercase}\p{Lt}]/u.test(char)
    const isLower = /\p{Lowercase}/u.test(char)
    if ((isUpper && isInside) || (isLower && !isInside)) return false
    isInside = isUpper || isLower
    hasCased ||= isInside
  }
  return hasCased
}

export const whitespaceChars =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

export const classes: Methods<string> = methods<string>({
  isalnum: all(/^[\p{L}\p{N}]+$/u),
  isalpha: all(/^\p{L}+$/u),

  isascii: { run: (_args, { self }) => /^[\x00-\x7f]*$/.test(self) },
  isdecimal: all(/^\p{Nd}+$/u),
  isdigit: all(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒]+$/u),
  isnumeric: all(/^\p{N}+$/u),
  isidentifier: all(/^[\p{ID_Start}_][\p{ID_Continue}]*$/u),
  isprintable: { run: (_args, { self }) => !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(self) },
  isspace: all(new RegExp(`^[${whitespaceChars}]+$`)),
  islower: { run: (_args, { self }) => isAllLower(self) },
  isupper: { run: (_args, { self }) => isAllUpper(self) },
  istitle: { run: (_args, { self }) => isTitle(self) },
})
