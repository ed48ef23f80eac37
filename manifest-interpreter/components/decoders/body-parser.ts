import type { Logger } from '../../contracts.ts'
import { component, text } from '../../definition.ts'
import { valueError } from '../../value/python-error.ts'
import { csvParser } from './csv-parser.ts'
import { gzipParser } from './gzip-parser.ts'
import { jsonItemsParser } from './json-items-parser.ts'
import { jsonLinesParser } from './json-lines-parser.ts'
import { jsonParser } from './json-parser.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** Turns the bytes of a body, as they arrive, into batches of values. Throws a `DecodeError` or a `SourceError`. */
export type BodyParser = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<readonly Value[]>

type ParserBuilder = (definition: PlainDict, logger: Logger) => BodyParser

/** The decoders that also work inside of GzipDecoder and ZipfileDecoder. */
const parsers: ReadonlyMap<string, ParserBuilder> = new Map<string, ParserBuilder>([
  ['CsvDecoder', csvParser],
  [
    'GzipDecoder',
    (definition, logger) => gzipParser(bodyParser(component(definition, 'decoder'), logger)),
  ],
  ['JsonDecoder', () => jsonParser],
  ['JsonItemsDecoder', jsonItemsParser],
  ['JsonlDecoder', (_definition, logger) => jsonLinesParser(logger)],
])

export function bodyParser(definition: PlainDict, logger: Logger): BodyParser {
  const type = text(definition, 'type')
  const build = parsers.get(type)
  if (build === undefined)
    throw valueError(
      `A ${type} cannot be inside of another decoder. Use one of ${[...parsers.keys()].join(', ')}.`,
    )
  return build(definition, logger)
}
