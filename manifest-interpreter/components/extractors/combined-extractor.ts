import { SourceError } from '../../contracts.ts'
import { flag, list, optionalText } from '../../definition.ts'
import { isPlainDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import { isPathDecoder } from '../decoders/json-decoder.ts'
import { droppedRecord, isDropped } from './dropped-record.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Extractor } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/**
 * CombinedExtractor: the records of several extractors (`union`), or of the first extractor that finds any
 * (`first_match`).
 */
export function combinedExtractor(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Extractor {
  if (context.decoder?.streams === true)
    throw new SourceError('CombinedExtractor is not supported with a streaming decoder.', {
      failureType: 'config_error',
      internalMessage:
        'Each extractor reads the response. Use JsonDecoder, XmlDecoder or ZipfileDecoder, or a single extractor.',
    })
  // Each extractor reads all of the body.
  if (context.decoder !== undefined && isPathDecoder(context.decoder)) context.decoder.keepWhole()
  const extractors = builder.buildAll('extractor', [...list(definition, 'extractors')], context)
  if (extractors.length === 0)
    throw valueError('CombinedExtractor requires at least one extractor.')
  const skipsEmpty = flag(definition, 'skip_empty_records', false)
  const sources = skipsEmpty ? extractors.map(withoutEmptyRecords) : extractors
  return optionalText(definition, 'mode') === 'first_match' ? firstMatch(sources) : union(sources)
}

/** True if the records of several extractors are counted together, at any depth. */
export function containsUnion(extractor: PlainDict): boolean {
  if (optionalText(extractor, 'type') !== 'CombinedExtractor') return false
  if (optionalText(extractor, 'mode') !== 'first_match') return true
  return list(extractor, 'extractors').some((inner) => isPlainDict(inner) && containsUnion(inner))
}

function union(sources: readonly Extractor[]): Extractor {
  return {
    async *extract(response) {
      for (const source of sources) yield* source.extract(response)
    },
  }
}

/** A value that a source left out counts only if that source wins. */
function firstMatch(sources: readonly Extractor[]): Extractor {
  return {
    async *extract(response) {
      for (const source of sources) {
        const held: (readonly Value[])[] = []
        let wins = false
        for await (const records of source.extract(response)) {
          wins ||= !records.every(isDropped)
          if (!wins) held.push(records)
          else {
            yield* held.splice(0)
            yield records
          }
        }
        if (wins) return
      }
    },
  }
}

function withoutEmptyRecords(source: Extractor): Extractor {
  return {
    async *extract(response: HttpResponse) {
      for await (const records of source.extract(response))
        yield records.map((record) => (truth(record) ? record : droppedRecord))
    },
  }
}
