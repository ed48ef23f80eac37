import { pino } from 'pino'
import { createBuilder } from '../../../manifest-interpreter/builder.ts'
import { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../manifest-interpreter/http/response-headers.ts'
import { SourceHttp } from '../../../manifest-interpreter/http/source-http.ts'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import type { Builder, ConfiguredStream } from '../../../manifest-interpreter/component.ts'
import type { Environment, SideMessage } from '../../../manifest-interpreter/contracts.ts'
import type { Dict } from '../../../manifest-interpreter/value/value.ts'
import { neverAborted } from '../../support/signal.ts'

export interface AnsweredBuilder {
  readonly builder: Builder
  /** URLs in the order they were asked for. */
  readonly requested: string[]
  /** Lines of the log, as objects. */
  readonly logged: unknown[]
  readonly emitted: SideMessage[]
}

export interface Answers {
  readonly config?: Dict
  /** Bodies by path and query; the response to any other request is a 404. */
  readonly bodies?: Readonly<Record<string, string>>
  readonly catalog?: readonly ConfiguredStream[]
  readonly manifestDirectory?: string
}

/** A builder whose API is a table. */
export function answeredBuilder(answers: Answers = {}): AnsweredBuilder {
  const { config = {}, bodies = {}, catalog, manifestDirectory } = answers
  const requested: string[] = []
  const logged: unknown[] = []
  const emitted: SideMessage[] = []
  const environment: Environment = {
    nowMicros: () => 1_740_787_200_000_000,
    sleep: () => Promise.resolve(),
    uuid: () => '00000000-0000-4000-8000-000000000000',
    random: (low) => low,
    transport: {
      send: ({ url }) => {
        requested.push(url)
        const { pathname, search } = new URL(url)
        const body = bodies[pathname + search]
        return Promise.resolve(
          new HttpResponse({
            status: body === undefined ? 404 : 200,
            headers: new ResponseHeaders([['Content-Type', 'application/json']]),
            url,
            body: Buffer.from(body ?? '{}'),
          }),
        )
      },
    },
    logger: pino({ level: 'info' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
    signal: neverAborted(),
    emit: (message) => void emitted.push(message),
    ...(manifestDirectory !== undefined && { manifestDirectory }),
  }
  const builder = createBuilder({
    config,
    environment,
    templates: new TemplateCompiler(environment),
    http: new SourceHttp({ environment }),
    states: new Map(),
    catalog: catalog ? new Map(catalog.map((stream) => [stream.name, stream])) : null,
    emitState: () => undefined,
  })
  return { builder, requested, logged, emitted }
}
