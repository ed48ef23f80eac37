import { HttpResponse } from '../../../manifest-interpreter/http/http-response.ts'
import { ResponseHeaders } from '../../../manifest-interpreter/http/response-headers.ts'
import type {
  Environment,
  HttpRequest,
  SideMessage,
} from '../../../manifest-interpreter/contracts.ts'
import { silent } from '../../support/logger.ts'
import { neverAborted } from '../../support/signal.ts'

/** 2025-03-01T00:00:00Z, in microseconds. */
export const START_MICROS = 1_740_787_200_000_000

/** An environment whose clock moves with its sleeps, and whose API is a function. */
export interface SimulatedEnvironment extends Environment {
  readonly requests: HttpRequest[]
  readonly messages: SideMessage[]
  /** The seconds of each sleep. */
  readonly waits: number[]
  advance(seconds: number): void
}

export type Api = (request: HttpRequest, count: number) => HttpResponse | Error

export function simulatedEnvironment(api: Api = () => jsonResponse({})): SimulatedEnvironment {
  let now = START_MICROS
  const requests: HttpRequest[] = []
  const messages: SideMessage[] = []
  const waits: number[] = []
  const advance = (seconds: number): void => {
    now += Math.round(seconds * 1e6)
  }
  return {
    requests,
    messages,
    waits,
    advance,
    nowMicros: () => now,
    sleep: (seconds) => {
      waits.push(seconds)
      advance(seconds + 0.001)
      return Promise.resolve()
    },
    uuid: () => '00000000-0000-4000-8000-000000000000',
    random: (low) => low,
    transport: {
      send: (request) => {
        requests.push({ ...request, headers: new Map(request.headers) })
        const answer = api(request, requests.length)
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
      },
    },
    logger: silent,
    signal: neverAborted(),
    emit: (message) => messages.push(message),
  }
}

export function jsonResponse(
  body: unknown,
  options: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): HttpResponse {
  return new HttpResponse({
    status: options.status ?? 200,
    headers: new ResponseHeaders(
      Object.entries({ 'Content-Type': 'application/json', ...options.headers }),
    ),
    url: 'https://api.test/',
    body: Buffer.from(JSON.stringify(body)),
  })
}
