import { createBuilder } from '../../../../manifest-interpreter/builder.ts'
import type { BuildContext, Builder } from '../../../../manifest-interpreter/component.ts'
import type {
  Environment,
  HttpRequest,
  SideMessage,
  Transport,
} from '../../../../manifest-interpreter/contracts.ts'
import { HttpResponse } from '../../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../../manifest-interpreter/http/response-headers.ts'
import { SourceHttp } from '../../../../manifest-interpreter/http/source-http.ts'
import { TemplateCompiler } from '../../../../manifest-interpreter/interpolation/template-compiler.ts'
import type { Dict } from '../../../../manifest-interpreter/value/value.ts'
import { silent } from '../../../support/logger.ts'
import { neverAborted } from '../../../support/signal.ts'

/** The outcome of a request to the API: a response, or the error of the transport. */
export type Answer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | Error

/**
 * A source whose clock stands still except for its waits, and whose API responds from a list (the last
 * response again and again).
 */
export interface ScriptedSource {
  readonly builder: Builder
  readonly context: BuildContext
  readonly sent: HttpRequest[]
  readonly waits: number[]
  readonly messages: SideMessage[]
  /** Microseconds that each request takes. */
  requestMicros: number
}

export function scriptedSource(answers: readonly Answer[], config: Dict = {}): ScriptedSource {
  let now = 1_700_000_000_000_000
  const sent: HttpRequest[] = []
  const waits: number[] = []
  const messages: SideMessage[] = []
  const transport: Transport = {
    send: (request) => {
      now += source.requestMicros
      const answer = answers[Math.min(sent.length, answers.length - 1)]
      sent.push({ ...request, headers: new Map(request.headers) })
      if (answer === undefined) throw new TypeError('The script is empty.')
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve(responseOf(request.url, answer))
    },
  }
  const environment: Environment = {
    nowMicros: () => now,
    sleep: (seconds) => {
      waits.push(seconds)
      now += Math.round(seconds * 1e6) + 1000
      return Promise.resolve()
    },
    uuid: () => '00000000-0000-4000-8000-000000000000',
    random: (low) => low,
    transport,
    logger: silent,
    signal: neverAborted(),
    emit: (message) => {
      messages.push(message)
    },
  }
  const builder = createBuilder({
    config,
    templates: new TemplateCompiler(environment),
    environment,
    http: new SourceHttp({ environment }),
    states: new Map(),
    catalog: null,
    emitState: () => undefined,
  })
  const source: ScriptedSource = {
    builder,
    context: { streamName: 'items' },
    sent,
    waits,
    messages,
    requestMicros: 0,
  }
  return source
}

export function responseOf(url: string, answer: Exclude<Answer, Error>): HttpResponse {
  return new HttpResponse({
    status: answer.status,
    reason: 'Reason',
    headers: new ResponseHeaders(Object.entries(answer.headers ?? {})),
    url,
    body: Buffer.from(answer.body ?? '{}'),
  })
}
