import { createBuilder } from '../../../../manifest-interpreter/builder.ts'
import { SourceHttp } from '../../../../manifest-interpreter/http/source-http.ts'
import { TemplateCompiler } from '../../../../manifest-interpreter/interpolation/template-compiler.ts'
import type { Builder, ConfiguredStream } from '../../../../manifest-interpreter/component.ts'
import type { Environment } from '../../../../manifest-interpreter/contracts.ts'
import type { Dict } from '../../../../manifest-interpreter/value/value.ts'
import { silent } from '../../../support/logger.ts'
import { neverAborted } from '../../../support/signal.ts'

/** 2024-03-15T12:34:56.789012Z */
const NOW = 1_710_506_096_789_012

/** A builder for cursors, which send no request. */
export function cursorBuilder(
  options: {
    readonly config?: Dict
    readonly catalog?: readonly ConfiguredStream[]
    readonly nowMicros?: () => number
  } = {},
): Builder {
  const { config = {}, catalog, nowMicros = () => NOW } = options
  const environment: Environment = {
    nowMicros,
    sleep: () => Promise.resolve(),
    uuid: () => '00000000-0000-4000-8000-000000000000',
    random: (low) => low,
    transport: { send: () => Promise.reject(new Error('A cursor sends no request.')) },
    logger: silent,
    signal: neverAborted(),
    emit: () => undefined,
  }
  return createBuilder({
    config,
    environment,
    templates: new TemplateCompiler(environment),
    http: new SourceHttp({ environment }),
    states: new Map(),
    catalog: catalog ? new Map(catalog.map((stream) => [stream.name, stream])) : null,
    emitState: () => undefined,
  })
}
