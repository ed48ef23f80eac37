import { component, text } from '../../definition.ts'
import { buildBodyParser } from './build-body-parser.ts'
import { iterableDecoder } from './iterable-decoder.ts'
import { jsonDecoder } from './json-decoder.ts'
import { streamedDecoder } from './streamed-decoder.ts'
import { xmlDecoder } from './xml-decoder.ts'
import { zipfileDecoder } from './zipfile-decoder.ts'
import type { Component } from '../../component.ts'

const streamed: Component<'decoder'> = (definition, { environment }) =>
  streamedDecoder(buildBodyParser(definition, environment.logger))

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
  ['JsonDecoder', jsonDecoder],
  ['JsonItemsDecoder', streamed],
  ['JsonlDecoder', streamed],
  ['XmlDecoder', (_definition, { environment }) => xmlDecoder(environment.logger)],
  [
    'ZipfileDecoder',
    (definition, { environment }) => zipfileDecoder(definition, environment.logger),
  ],
])
