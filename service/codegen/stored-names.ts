import { z } from 'zod'
import { clientMark } from './client-mark.ts'

/** The type that a stream has in a client: its label, and the name of the type of its records. */
export const storedName = z.strictObject({
  stream: z.string().min(1).max(2048),
  type: z
    .string()
    .max(2048)
    .regex(/^[A-Za-z_$][\w$]*$/),
})
export type StoredName = z.output<typeof storedName>

/**
 * The names that a client has given out: code uses them, so a client that replaces it keeps them. None if it
 * is no client.
 */
export function parseStoredNames(client: string): readonly StoredName[] {
  if (!client.startsWith(clientMark)) return []
  const [, streams = ''] = /^export type Streams = \{\n([^]*?)^\}/m.exec(client) ?? []
  // As it is written, and as formatters leave it.
  const line = /^\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|([\w$]+)): ([\w$]+)[;,]?$/gm
  const entries = streams.matchAll(line)
  return [...entries].flatMap(([, single, double, plain = '', type = '']) => {
    const quoted = single ?? double
    const name = storedName.safeParse({
      stream: quoted === undefined ? plain : unescaped(quoted),
      type,
    })
    // A name that no request can carry is replaced by a new name.
    return name.success && isSendable(name.data.stream) ? [name.data] : []
  })
}

function isSendable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t' }

/** Reverses `stringLiteral`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(?:u[0-9a-f]{4}|.)/g, (escape) => {
    const escaped = escape.slice(1)
    return escape.length === 2
      ? (escapes[escaped] ?? escaped)
      : String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  })
}
