/**
 * The parts of undici that requests need. Its index loads fetch, WebSocket, caches and mocks too: 109 modules
 * in 80 ms, these are 45 in 35 ms (2026-11-25), and a check takes 300. undici is pinned to 8.13.1.
 */
declare module 'undici/lib/dispatcher/agent.js' {
  export { Agent as default } from 'undici'
}

declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici'

  function request(
    this: Dispatcher,
    options: Dispatcher.RequestOptions,
  ): Promise<Dispatcher.ResponseData>
  export { request as default }
}
