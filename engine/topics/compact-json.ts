const QUOTE = 0x22
const BACKSLASH = 0x5c
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d])

/** JSON on one line, without spaces between its tokens and otherwise as it is: digits, -0 and names that come twice too. Undefined: the text is no JSON. */
export function compactJson(text: string): string | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined // another producer's
  }
  const parts: string[] = []
  let start = 0
  let isString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isString && code === BACKSLASH) at += 1
    else if (code === QUOTE) isString = !isString
    else if (!isString && spaces.has(code)) {
      if (at > start) parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  return parts.length === 0 && start === 0 ? text : parts.join('') + text.slice(start)
}
