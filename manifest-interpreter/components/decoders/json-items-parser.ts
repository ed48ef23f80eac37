import { optionalText, text } from '../../definition.ts'
import { parseJson } from '../../value/json.ts'
import { elementsAt } from './elements-at.ts'
import { dottedPath } from './json-path.ts'
import { decodeChunks, pythonCharset } from './text-chunks.ts'
import type { PlainDict } from '../../value/value.ts'
import type { BodyParser } from './body-parser.ts'

/** JsonItemsDecoder: the elements of one array of a document that is too large to hold. */
export function jsonItemsParser(definition: PlainDict): BodyParser {
  const path = dottedPath(text(definition, 'items_path'))
  const encoding = optionalText(definition, 'encoding') ?? 'utf-8'
  const isUtf8 = pythonCharset(encoding) === 'utf-8'
  return (bytes) =>
    elementsAt(isUtf8 ? bytes : recoded(bytes, encoding), { path, parse: parseJson })
}

async function* recoded(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string,
): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const part of decodeChunks(bytes, encoding)) yield encoder.encode(part)
}
