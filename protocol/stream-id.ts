/**
 * The identity of a stream: its namespace and its name. The namespace may be absent. An empty one is legal
 * and is another namespace than an absent one (ADR 11).
 */
export interface StreamId {
  readonly namespace?: string
  readonly name: string
}

/** A stream in any of the documents that name one: an absent namespace may be `null` there. */
export interface NamedStream {
  readonly name: string
  readonly namespace?: string | null | undefined
}

/** The identity alone, from a larger document. */
export function streamIdOf({ namespace, name }: NamedStream): StreamId {
  return namespace === undefined || namespace === null ? { name } : { name, namespace }
}

/** A key for maps and sets, not for people: two streams never share one. */
export function streamKey({ namespace, name }: NamedStream): string {
  return JSON.stringify([namespace ?? null, name])
}

/**
 * A stream's name for people, logs and metrics: `namespace.name`. A part with a dot, a comma, a quotation
 * mark or space at its ends is quoted as SQL quotes (`"a.b".c`), so two streams never share a label.
 */
export function streamLabel({ namespace, name }: NamedStream): string {
  return labelOf(namespace, name, (part) => (isPlain(part) ? part : quoteName(part)))
}

/** The same with every part quoted: `parseStreamLabel` reads it as this stream and no other. */
export function quotedStreamLabel({ namespace, name }: NamedStream): string {
  return labelOf(namespace, name, quoteName)
}

/**
 * The stream of a label with a quoted part. Undefined for other text, which may mean a name or
 * `namespace.name`.
 */
export function parseStreamLabel(text: string): StreamId | undefined {
  const part = /(?:"((?:[^"]|"")*)"|([^".]+))/.source
  const match = new RegExp(`^${part}(?:\\.${part})?$`).exec(text)
  if (match === null || !text.includes('"')) return undefined
  const [, firstQuoted, firstPlain, secondQuoted, secondPlain] = match
  const first = firstQuoted?.replaceAll('""', '"') ?? firstPlain ?? ''
  const second = secondQuoted?.replaceAll('""', '"') ?? secondPlain
  return second === undefined ? { name: first } : { namespace: first, name: second }
}

/** Labels or names in one text, separated by commas; a comma within quotation marks belongs to its label. */
export function splitStreamLabels(text: string): readonly string[] {
  return (text.match(/(?:"(?:[^"]|"")*"|[^,])+/g) ?? [])
    .map((label) => label.trim())
    .filter((label) => label !== '')
}

function labelOf(
  namespace: string | null | undefined,
  name: string,
  write: (part: string) => string,
): string {
  return namespace === undefined || namespace === null
    ? write(name)
    : `${write(namespace)}.${write(name)}`
}

function isPlain(part: string): boolean {
  return part !== '' && part === part.trim() && !/[.,"]/.test(part)
}

function quoteName(part: string): string {
  return `"${part.replaceAll('"', '""')}"`
}
