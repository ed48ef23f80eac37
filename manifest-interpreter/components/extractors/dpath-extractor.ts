import { isPathDecoder, jsonDecoder } from '../decoders/json-decoder.ts'
import { unreadableReport } from '../decoders/unreadable-response.ts'
import { list, optionalComponent, parametersOf } from '../../definition.ts'
import { truth } from '../../value/truth.ts'
import { compileFieldPath } from './field-path.ts'
import { RecordExpander } from './record-expander.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Decoder, Extractor } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { PlainDict, Value } from '../../value/value.ts'
import type { FieldPath } from './field-path.ts'

/**
 * DpathExtractor: the value at a path of each decoded value. A list yields its items, anything else is one
 * record unless it is empty.
 */
export function dpathExtractor(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Extractor {
  const decoder = context.decoder ?? jsonDecoder(unreadableReport(builder, context.streamName))
  const path = compileFieldPath(list(definition, 'field_path'), {
    builder,
    parameters: parametersOf(definition),
  })
  if (isPathDecoder(decoder) && path.isFixed()) decoder.allowPieces(path.keys ?? [])
  const expander = optionalComponent(definition, 'record_expander')
  const extract = (response: HttpResponse) => extracted(response, decoder, path)
  if (expander === undefined) return { extract }
  const expanders = new RecordExpander(expander, builder)
  return { extract: (response) => expanders.expand(extract(response)) }
}

async function* extracted(
  response: HttpResponse,
  decoder: Decoder,
  path: FieldPath,
): AsyncIterable<readonly Value[]> {
  const { keys } = path
  const select = (bodies: readonly Value[]) => recordsOf(bodies, path)
  const batches =
    keys !== null && isPathDecoder(decoder)
      ? decoder.decodeAt(response, keys, select)
      : selected(decoder.decode(response), select)
  for await (const records of batches) if (records.length > 0) yield records
}

async function* selected(
  batches: AsyncIterable<readonly Value[]>,
  select: (bodies: readonly Value[]) => readonly Value[],
): AsyncIterable<readonly Value[]> {
  for await (const bodies of batches) yield select(bodies)
}

/** A page whose records are in one list is returned as that list. */
function recordsOf(bodies: readonly Value[], path: FieldPath): readonly Value[] {
  const [only] = bodies
  if (bodies.length === 1 && only !== undefined) {
    const found = path.find(only)
    if (Array.isArray(found)) return found
    return found !== undefined && truth(found) ? [found] : []
  }
  const records: Value[] = []
  for (const body of bodies) {
    const found = path.find(body)
    if (Array.isArray(found)) for (const record of found) records.push(record)
    else if (found !== undefined && truth(found)) records.push(found)
  }
  return records
}
