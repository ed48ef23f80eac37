import { createHash } from 'node:crypto'

/** Avro schemas by fingerprint: compacted, one topic for all connections. */
export const schemasTopic = 'connect.schemas'

/** Kafka's own bound on the length of a topic's name. */
const maxNameLength = 249
const hashLength = 8

/** The name of a topic before it is made safe. */
export interface NameParts {
  /** The name from its parts: parts that were made safe must give a legal name. */
  readonly nameOf: (parts: readonly string[]) => string
  readonly parts: readonly string[]
  /** The parts as they really are, for the digest: JSON. */
  readonly identity: unknown
  /** Default: Kafka's own bound. */
  readonly maxLength?: number
}

/**
 * A name of parts that others chose. A part that Kafka does not allow as it is (other characters than A-Z a-z
 * 0-9 _ -, a dot, empty, too long) has them replaced by `-`, and the name ends in `-` and a digest of the
 * real parts, so that two of them never share a name; a name that looks like it ended so gets one too.
 */
export function safeName({
  nameOf,
  parts,
  identity,
  maxLength = maxNameLength,
}: NameParts): string {
  const plain = nameOf(parts)
  const legal = parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))
  if (legal && plain.length <= maxLength && !/-[0-9a-f]{8}$/.test(plain)) return plain
  const safe = parts.map((part) => (part === '' ? '-' : part.replace(/[^A-Za-z0-9_-]/g, '-')))
  const digest = createHash('sha256')
    .update(JSON.stringify(identity))
    .digest('hex')
    .slice(0, hashLength)
  return nameOf(safe).slice(0, maxLength - hashLength - 1) + `-${digest}`
}
