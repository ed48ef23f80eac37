import { secretMask } from '../../protocol/secret-mask.ts'

/** Base64 of fewer characters than this may stand in any text. */
const minBase64 = 8

/** A part of a secret that is shorter may stand in any text. */
const minPart = 8

/**
 * Replaces secrets in a text by the mask, also where they stand inside of JSON, HTML or a URL, however much of them is escaped
 * there, or in base64 with something around them (the header of HTTP's basic authentication), or broken over several lines.
 */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const longestFirst = [...new Set(secrets.flatMap((secret) => [secret, ...partsOf(secret)]))]
    .filter((secret) => secret !== '')
    .toSorted((a, b) => b.length - a.length)
  if (longestFirst.length === 0) return (text) => text
  const plain = longestFirst.map(plainPattern)
  const pattern = new RegExp([...plain, ...longestFirst.flatMap(base64Patterns)].join('|'), 'gu')
  return (text) => acrossLines(text.replaceAll(pattern, secretMask), pattern)
}

/** The lines of a private key, of which one alone may be shown; what is secret in a key file that is JSON. */
function partsOf(secret: string): readonly string[] {
  const texts = [secret, ...textsOfJson(secret)]
  const lines = texts.filter((text) => text.includes('\n')).flatMap((text) => text.split(/\r?\n/))
  const isPlain = (text: string): boolean => /^(?:-----.*|https?:\S*|\S+@\S+)$/.test(text)
  return [...texts.slice(1), ...lines].filter((part) => part.length >= minPart && !isPlain(part))
}

/** The long texts: short ones are names. */
function textsOfJson(secret: string): readonly string[] {
  if (!secret.trimStart().startsWith('{')) return []
  try {
    const document: unknown = JSON.parse(secret)
    const texts = Object.values(document ?? {}).filter((value) => typeof value === 'string')
    return texts.filter((text) => text.length >= 20)
  } catch {
    return [] // no JSON: it has no parts
  }
}

const lineBreak = /\r?\n[ \t]*|(?:\\r)?\\n/gu

/** Finds in the text without its line breaks (also those that are escaped) what they break apart. */
function acrossLines(text: string, pattern: RegExp): string {
  let joined = ''
  /** Of each piece between two breaks: where it begins in the joined text, and how much was left out before it. */
  const pieces: { readonly at: number; readonly left: number }[] = [{ at: 0, left: 0 }]
  let end = 0
  for (const { 0: found, index } of text.matchAll(lineBreak)) {
    joined += text.slice(end, index)
    end = index + found.length
    pieces.push({ at: joined.length, left: end - joined.length })
  }
  if (pieces.length === 1) return text
  joined += text.slice(end)
  const leftBefore = (at: number): number => pieces.findLast((piece) => piece.at <= at)?.left ?? 0
  let shown = ''
  let from = 0
  for (const { 0: found, index } of joined.matchAll(pattern)) {
    const last = index + found.length - 1
    shown += text.slice(from, index + leftBefore(index)) + secretMask
    from = last + leftBefore(last) + 1
  }
  return shown + text.slice(from)
}

/** JSON inside of JSON, so often: each level doubles the backslashes and adds one. */
const jsonLevels = 4
const jsonEscape = String.raw`\\{1,${String(2 ** jsonLevels - 1)}}`
/** A URL inside of a URL inside of a URL. */
const percent = '%(?:25){0,2}'

function plainPattern(secret: string): string {
  const parts = secret.matchAll(/(\\*)([^\\]|$)/gu)
  return [...parts].map(([, run = '', character = '']) => groupPattern(run, character)).join('')
}

/**
 * Backslashes and the character behind them, as each format writes them. A run is matched as one, and what follows it has none
 * of its own: a text matches in one way only, so that who chooses secret and text cannot make it take for ever.
 */
function groupPattern(run: string, character: string): string {
  if (run === '') return character === '' ? '' : characterPattern(character, jsonEscape)
  const count = run.length
  const most = 2 ** jsonLevels * (count + 1) - 1
  const raw = String.raw`\\{${String(count)},${String(most)}}`
  const before = String.raw`(?:${raw}|(?:${percent}5[cC]){${String(count)}})`
  return character === '' ? before : before + characterPattern(character, '')
}

const htmlNames: Readonly<Record<string, string>> = {
  '&': 'amp',
  '<': 'lt',
  '>': 'gt',
  '"': 'quot',
  "'": 'apos',
}

/** A character as it is, or as it is escaped; `escape` stands before what JSON makes of it. */
function characterPattern(character: string, escape: string): string {
  if (/[A-Za-z0-9]/.test(character)) return character
  const code = character.codePointAt(0) ?? 0
  const inJson = JSON.stringify(character).slice(1, -1)
  const html = htmlNames[character]
  const bytes = [...Buffer.from(character)].map((byte) =>
    anyCase(byte.toString(16).padStart(2, '0')),
  )
  const units = Array.from({ length: character.length }, (_, at) =>
    anyCase(character.charCodeAt(at).toString(16).padStart(4, '0')),
  )
  // Each once.
  const forms = new Set([
    bytes.map((byte) => percent + byte).join(''),
    units.map((unit) => `${escape}u${unit}`).join(''),
    ...(inJson.startsWith('\\') ? [escape + literal(inJson.slice(1))] : []),
    ...(`'"/`.includes(character) ? [escape + literal(character)] : []),
    ...(html === undefined ? [] : [`&${html};`]),
    `&#(?:${String(code)}|[xX]${anyCase(code.toString(16))});`,
    ...(character === ' ' ? [String.raw`\+`] : []),
    literal(character),
  ])
  return `(?:${[...forms].join('|')})`
}

/** Three bytes are four characters, so a secret has three forms, by how much stands before it. What follows it goes too. */
function base64Patterns(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Only the characters that hold bits of the secret alone.
    const core = text.slice(
      Math.ceil((before * 8) / 6),
      Math.floor(((before + bytes.length) * 8) / 6),
    )
    if (core.length < minBase64) return []
    const urlSafeToo = core.replaceAll(/[+/]/g, (one) =>
      one === '+' ? '[+-]' : String.raw`(?:\\?\/|_)`,
    )
    return [`${urlSafeToo}[A-Za-z0-9+/_-]*={0,2}`]
  })
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}

function anyCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
}
