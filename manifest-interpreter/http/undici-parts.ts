/**
 * The parts of undici that requests need (undici-internals.d.ts), in a module that the first request loads.
 */
export { default as Agent } from 'undici/lib/dispatcher/agent.js'
export { default as requestWith } from 'undici/lib/api/api-request.js'
