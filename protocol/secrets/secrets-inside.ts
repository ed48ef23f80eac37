/** A text of a document that is shorter is a name, unless its own name says that it is secret. */
const minText = 20
const minNamedText = 8
/** A password that is shorter would be masked in any text. */
const minPassword = 4

const secretName =
  /^(?:.*[_-])?(?:(?:api|access|account|shared|private|secret)[_-]?(?:access[_-]?)?key|key|token|secret|password|passwd|pass|pwd|passphrase|signature|sig)$/i

/**
 * Whether a field or parameter of that name may hold a secret: more names than those that are refused in
 * plain fields, as masking too much is no harm.
 */
function isSecretName(name: string): boolean {
  return secretName.test(name)
}

/**
 * The heading of a key, a URL, an address: they stand in a secret and are none, except for a password in
 * them.
 */
export function isPublic(text: string): boolean {
  return /^(?:-----.*|https?:\S*|\S+@\S+)$/.test(text)
}

/**
 * The parts of a secret that are secret by themselves: the long texts of a document in JSON (a key file), at
 * any depth, and the passwords of a URL or a connection string. An error of a vendor may quote such a part
 * alone.
 */
export function secretsInside(secret: string): readonly string[] {
  const texts = textsOfJson(secret)
  return [...new Set([secret, ...texts].flatMap(passwordsIn).concat(texts))]
}

/** Without recursion: the author of the secret chooses the depth. Texts may be documents themselves. */
function textsOfJson(secret: string): readonly string[] {
  const texts: string[] = []
  const waiting: { readonly name: string; readonly value: unknown }[] = documentIn(secret)
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { name, value } = next
    if (typeof value === 'string') {
      const document = documentIn(value)
      for (const item of document) waiting.push(item)
      const isShown = value.length < (isSecretName(name) ? minNamedText : minText)
      if (document.length === 0 && !isShown && !isPublic(value)) texts.push(value)
    } else if (typeof value === 'object' && value !== null)
      // The items of a list go by its name.
      for (const [key, item] of Object.entries(value))
        waiting.push({ name: Array.isArray(value) ? name : key, value: item })
  }
  return texts
}

/** A list of one document or of none. */
function documentIn(text: string): { readonly name: string; readonly value: unknown }[] {
  if (!/^\s*[[{]/.test(text)) return []
  try {
    return [{ name: '', value: JSON.parse(text) as unknown }]
  } catch {
    return [] // no JSON: it has no texts
  }
}

/** `password=…`, quoted or not, as connection strings and queries have it. */
const parameter =
  /(?<![\w-])([\w-]{2,40})\s{0,4}=\s{0,4}(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s;&'"]+))/g

function passwordsIn(text: string): readonly string[] {
  const ofParameters = [...text.matchAll(parameter)].flatMap(
    ([, name = '', single, double, bare]) =>
      isSecretName(name) ? [single ?? double ?? bare ?? ''] : [],
  )
  return [...text.split(/\s+/).flatMap(passwordsOfUrl), ...ofParameters]
    .flatMap((password) => [password, unescaped(password)])
    .filter((password) => password.length >= minPassword)
}

/**
 * Reads the part before the host. An `@` may belong to the password, or to the text after the host: two
 * readings.
 */
function passwordsOfUrl(word: string): readonly string[] {
  const start = word.indexOf('://') + 3
  const ends = [word.indexOf('@', start), word.lastIndexOf('@')]
  if (start < 3 || ends.some((end) => end < start)) return []
  const colon = word.indexOf(':', start)
  return ends.flatMap((end) => {
    // A user without a password is a token; a path has no user.
    if (colon === -1 || colon > end) return [word.slice(start, end)].filter(isUser)
    return isUser(word.slice(start, colon)) ? [word.slice(colon + 1, end)] : []
  })
}

function isUser(text: string): boolean {
  return !/[/?#]/.test(text)
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // it is not escaped
  }
}
