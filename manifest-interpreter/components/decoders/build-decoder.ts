import type { Component } from '../../component.ts'
import { component, text } from '../../definition.ts'
import { buildBodyParser } from './build-body-parser.ts'
import { jsonDecoder } from './json-decoder.ts'
import { jsonLinesParser } from './json-lines-parser.ts'
import { streamedDecoder } from './streamed-decoder.ts'
import { unreadableReport } from './unreadable-response.ts'
import { xmlDecoder } from './xml-decoder.ts'
import { zipfileDecoder } from './zipfile-decoder.ts'

/**
 * Builds decoders from their definitions, with the logger and the report of unreadable responses of the
 * source.
 */

export const buildStreamedDecoder: Component<'decoder'> = (definition, { environment }) =>
  streamedDecoder(buildBodyParser(definition, environment.logger))

export const buildGzipDecoder: Component<'decoder'> = (definition, builder, context) => {
  const decoder = buildStreamedDecoder(definition, builder, context)
  const isJson = text(component(definition, 'decoder'), 'type') === 'JsonDecoder'
  return isJson ? { ...decoder, supportsPagination: true } : decoder
}

export const buildZipfileDecoder: Component<'decoder'> = (definition, { environment }) =>
  zipfileDecoder(definition, environment.logger)

export const buildJsonDecoder: Component<'decoder'> = (_definition, builder, { streamName }) =>
  jsonDecoder(unreadableReport(builder, streamName))

export const buildXmlDecoder: Component<'decoder'> = (_definition, builder, { streamName }) =>
  xmlDecoder(unreadableReport(builder, streamName))

export const buildJsonLinesDecoder: Component<'decoder'> = (_definition, builder, context) => {
  const report = unreadableReport(builder, context.streamName)
  return streamedDecoder((bytes, response) =>
    jsonLinesParser(builder.environment.logger, (body) => {
      report(response, { format: 'JSON lines', body })
    })(bytes),
  )
}
