import { component, text } from '../../definition.ts'
import { buildBodyParser } from './build-body-parser.ts'
import { iterableDecoder } from './iterable-decoder.ts'
import { jsonLinesParser } from './json-lines-parser.ts'
import { jsonDecoder } from './json-decoder.ts'
import { streamedDecoder } from './streamed-decoder.ts'
import { unreadableReport } from './unreadable-answer.ts'
import { xmlDecoder } from './xml-decoder.ts'
import { zipfileDecoder } from './zipfile-decoder.ts'
import type { Component } from '../../component.ts'

const streamed: Component<'decoder'> = (definition, { environment }) =>
  streamedDecoder(buildBodyParser(definition, environment.logger))

const jsonLines: Component<'decoder'> = (_definition, builder, { streamName }) => {
  const report = unreadableReport(builder, streamName)
  return streamedDecoder((bytes, response) =>
    jsonLinesParser(builder.environment.logger, (body) => {
      report(response, { format: 'JSON lines', body })
    })(bytes),
  )
}

const gzip: Component<'decoder'> = (definition, builder, context) => {
  const decoder = streamed(definition, builder, context)
  const isJson = text(component(definition, 'decoder'), 'type') === 'JsonDecoder'
  return isJson ? { ...decoder, supportsPagination: true } : decoder
}

export const decoders: ReadonlyMap<string, Component<'decoder'>> = new Map<
  string,
  Component<'decoder'>
>([
  ['CsvDecoder', streamed],
  ['GzipDecoder', gzip],
  ['IterableDecoder', iterableDecoder],
  [
    'JsonDecoder',
    (_definition, builder, { streamName }) => jsonDecoder(unreadableReport(builder, streamName)),
  ],
  ['JsonItemsDecoder', streamed],
  ['JsonlDecoder', jsonLines],
  [
    'XmlDecoder',
    (_definition, builder, { streamName }) => xmlDecoder(unreadableReport(builder, streamName)),
  ],
  [
    'ZipfileDecoder',
    (definition, { environment }) => zipfileDecoder(definition, environment.logger),
  ],
])
