import type { Component } from '../../component.ts'
import { constantBackoffStrategy } from './backoff/constant-backoff-strategy.ts'
import { exponentialBackoffStrategy } from './backoff/exponential-backoff-strategy.ts'
import { waitTimeFromHeader } from './backoff/wait-time-from-header.ts'
import { waitTimeFromResponse } from './backoff/wait-time-from-response.ts'
import { waitUntilTimeFromHeader } from './backoff/wait-until-time-from-header.ts'
import { compositeErrorHandler } from './error-handlers/composite-error-handler.ts'
import { defaultErrorHandler } from './error-handlers/default-error-handler.ts'
import { httpRequester } from './http-requester.ts'

export const requesters: ReadonlyMap<string, Component<'requester'>> = new Map([
  ['HttpRequester', httpRequester],
])

export const errorHandlers: ReadonlyMap<string, Component<'errorHandler'>> = new Map([
  ['CompositeErrorHandler', compositeErrorHandler],
  ['DefaultErrorHandler', defaultErrorHandler],
])

export const backoffStrategies: ReadonlyMap<string, Component<'backoffStrategy'>> = new Map<
  string,
  Component<'backoffStrategy'>
>([
  ['ConstantBackoffStrategy', constantBackoffStrategy],
  ['ExponentialBackoffStrategy', exponentialBackoffStrategy],
  ['WaitTimeFromHeader', waitTimeFromHeader],
  ['WaitTimeFromResponse', waitTimeFromResponse],
  ['WaitUntilTimeFromHeader', waitUntilTimeFromHeader],
])
