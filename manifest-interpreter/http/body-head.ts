/** The first two bytes of a body (or all of a shorter one), and all of it. */
export async function sniffed(
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly head: Uint8Array; readonly all: AsyncIterable<Uint8Array> }> {
  const { head, rest } = await readHead(bytes, 2)
  return { head, all: rest === null ? only(head) : joined(head, rest) }
}

/** At least this many bytes of a body, and the rest of it. The rest is null if the body is not longer. */
export async function readHead(
  bytes: AsyncIterable<Uint8Array>,
  minBytes: number,
): Promise<{ readonly head: Uint8Array; readonly rest: AsyncIterator<Uint8Array> | null }> {
  const chunks: Uint8Array[] = []
  let length = 0
  const iterator = bytes[Symbol.asyncIterator]()
  while (length < minBytes) {
    const next = await iterator.next()
    if (next.done === true) return { head: Buffer.concat(chunks), rest: null }
    chunks.push(next.value)
    length += next.value.length
  }
  return { head: Buffer.concat(chunks), rest: iterator }
}

/** A head and the rest as one. */
export async function* joined(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    yield head
    for (let next = await rest.next(); next.done !== true; next = await rest.next())
      yield next.value
  } finally {
    // Frees the connection when the reader stops early.
    await rest.return?.()
  }
}

async function* only(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  if (bytes.length > 0) yield await Promise.resolve(bytes)
}
