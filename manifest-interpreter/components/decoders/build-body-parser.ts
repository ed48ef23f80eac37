import type { Logger } from '../../contracts.ts'
import { component, text } from '../../definition.ts'
import { valueError } from '../../value/python-error.ts'
import { csvParser } from './csv-parser.ts'
import { gzipParser } from './gzip-parser.ts'
import { jsonItemsParser } from './json-items-parser.ts'
import { jsonLinesParser } from './json-lines-parser.ts'
import { jsonParser } from './json-parser.ts'
import type { BodyParser } from './body-parser.ts'
import type { PlainDict } from '../../value/value.ts'

type ParserBuilder = (definition: PlainDict, logger: Logger) => BodyParser

/** The decoders that also work inside of GzipDecoder and ZipfileDecoder. */
const parsers: ReadonlyMap<string, ParserBuilder> = new Map<string, ParserBuilder>([
  ['CsvDecoder', csvParser],
  [
    'GzipDecoder',
    (definition, logger) => gzipParser(buildBodyParser(component(definition, 'decoder'), logger)),
  ],
  ['JsonDecoder', () => jsonParser],
  ['JsonItemsDecoder', jsonItemsParser],
  ['JsonlDecoder', (_definition, logger) => jsonLinesParser(logger)],
])

export function buildBodyParser(definition: PlainDict, logger: Logger): BodyParser {
  const type = text(definition, 'type')
  const build = parsers.get(type)
  if (build === undefined)
    throw valueError(
      `A ${type} cannot be inside of another decoder. Use one of ${[...parsers.keys()].join(', ')}.`,
    )
  return build(definition, logger)
}
